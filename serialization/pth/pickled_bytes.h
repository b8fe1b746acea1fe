// Bytes that a pickle holds itself, such as the elements of a NumPy array.
#pragma once

#include "core/mapped_file.h"
#include "serialization/pth/torch_objects.h"

#include <cstddef>
#include <memory>
#include <span>

namespace lamina::serialization {

struct PickledBytes {
  bool found = false;  ///< false: the value is none that bytes come of
  std::span<const std::byte> bytes;
  std::shared_ptr<void> owner;
};

/// Protocols 0 to 2 have no bytes: `_codecs.encode(text, "latin1")` makes them from a text whose
/// code points they are. The bytes of such a call, or
/// of plain bytes: a view of the file where they stand in it, else a copy.
PickledBytes pickled_bytes(const pickle::Value& value, const std::shared_ptr<MappedFile>& file);

}  // namespace lamina::serialization
