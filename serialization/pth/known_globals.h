// The classes and functions that a weight file may call, and what comes of each.
#pragma once

#include "serialization/pickle/builder.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace lamina::serialization {

struct KnownGlobal {
  std::string_view module, name;
  pickle::Call call;
};

/// Python's plain containers and values: collections, builtins, datetime, pathlib, copyreg.
std::span<const KnownGlobal> python_globals();
/// Ways to rebuild tensors, parameters and what stands beside them.
std::span<const KnownGlobal> torch_globals();
/// Arrays and scalars.
std::span<const KnownGlobal> numpy_globals();

/// Sets call and tag of a global of those lists, or of an element type (torch.float32,
/// torch.FloatStorage), whose tag is the ElementType. Returns whether it is known.
bool know_global(pickle::Global& global);

// What the calls share.

using Arguments = std::span<const pickle::Value>;

/// The call itself as an inert record: for values that no tensor depends on.
pickle::Value keep_call(pickle::Builder& builder, const pickle::Global& global, Arguments args);

/// Throws FormatError for fewer than `count` arguments.
void require_arguments(const pickle::Builder& builder, const pickle::Global& global, Arguments args,
                       std::size_t count);

/// The items of a tuple, list or set; nothing where the value is another thing.
std::optional<std::span<const pickle::Value>> items_of(const pickle::Value& value);

/// A tuple or list of whole numbers. Throws FormatError where it is another thing.
std::span<const std::int64_t> integers_of(pickle::Builder& builder, const pickle::Value& value);

/// A whole number. Throws FormatError.
std::int64_t integer_of(const pickle::Builder& builder, const pickle::Value& value);

}  // namespace lamina::serialization
