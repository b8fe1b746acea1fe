// Files of the safetensors library: a JSON header and the tensors' bytes.
#pragma once

#include <lamina/core/export.h>
#include <lamina/core/state_dict.h>
#include <lamina/serialization/load.h>

#include <filesystem>

namespace lamina::serialization {

/// Reads a safetensors file, its tensors in the order of their bytes, as views of the mapping; one
/// that is not aligned to its element size is copied. `__metadata__` becomes the dict's metadata().
/// Types:    F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL
/// Errors:   IoError; FormatError, whose code says which rule is broken (unknown_dtype for the
///           format's other types).
LAMINA_API StateDict load_safetensors(const std::filesystem::path& path,
                                      const LoadOptions& options = {});

/// Writes a safetensors file, metadata() included. Wider elements come first, so that every tensor
/// is aligned; among those of one width the order is kept. Tied tensors are written once for each
/// name, since the format knows no ties.
/// Errors:   InvalidArgument for an undefined tensor or a bad name; IoError.
LAMINA_API void save_safetensors(const StateDict& tensors, const std::filesystem::path& path,
                                 const SaveOptions& options = {});

}  // namespace lamina::serialization
