// Files of the safetensors library: a JSON header and the tensors' bytes.
#pragma once

#include <lamina/core/export.h>
#include <lamina/core/state_dict.h>
#include <lamina/serialization/load.h>

#include <cstdint>
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

/// Reads a large model that is kept in several files: `path` is its index, a JSON file as Hugging
/// Face writes it (`model.safetensors.index.json`), whose `weight_map` says in which file beside it
/// each tensor is. Shards come in the order of their names.
/// Errors:   IoError for a shard that is not there; FormatError: bad_name for one that is no plain
///           file name, bad_field for a tensor that its shard has not; and load_safetensors()'s.
LAMINA_API StateDict load_safetensors_index(const std::filesystem::path& path,
                                            const LoadOptions& options = {});

/// Writes shards of at most `max_shard_bytes` of tensors, `model-00001-of-00003.safetensors` and so
/// on for a `path` of model.safetensors, and their index; or one file, `path`, where all fits. A
/// tensor that is larger has a shard of its own. Nothing gets its name before all is written, the
/// index gets it last, and an error leaves none of the new files. Returns the number of files
/// beside the index.
/// Errors:   as save_safetensors(); InvalidArgument where max_shard_bytes is not positive.
LAMINA_API std::int64_t save_safetensors_shards(const StateDict& tensors,
                                                const std::filesystem::path& path,
                                                std::int64_t max_shard_bytes,
                                                const SaveOptions& options = {});

/// What the index of save_safetensors_shards() is called.
LAMINA_API std::filesystem::path safetensors_index_path(const std::filesystem::path& path);

}  // namespace lamina::serialization
