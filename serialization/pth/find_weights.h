// Where in an unpickled object the weights stand.
#pragma once

#include "serialization/pickle/value.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::serialization {

struct FoundWeights {
  pickle::Value value;
  std::string key;  ///< the path that was taken; empty for the whole object
};

/// The value at `key`, a path of dict keys, attributes and indices joined by dots; "." is the whole
/// object. An empty key takes what a checkpoint keeps under "state_dict", "model_state_dict" or
/// "model", else the whole object. Throws InvalidArgument for a path that leads nowhere; the hint
/// lists what is there.
FoundWeights find_weights(const pickle::Value& root, const std::string& key,
                          const std::filesystem::path& file);

/// What dict members of module-like records are kept in: a record's state, if that is a dict.
const pickle::Dict* attributes_of(const pickle::Record& record);

/// Whether a record is an nn.Module: its attributes hold `_parameters` and `_modules`.
bool is_module(const pickle::Record& record);

/// The texts of a dict's keys; those that are neither text nor whole numbers are left out.
std::optional<std::string> key_text(const pickle::Value& key);

}  // namespace lamina::serialization
