// The container `*.lamina`: tensors, and beside them the architecture they belong to, where they
// came from, and a checkpoint's own data. docs/container.md describes it byte by byte.
//
// Files are written to a temporary name and renamed, so a reader never sees a part of one. What is
// read is a view of the mapped file: opening 528 MB takes milliseconds. The header and the manifest
// are always checked in full, the tensors' bytes only on request.
#pragma once

#include <lamina/core/dtype.h>
#include <lamina/core/export.h>
#include <lamina/core/shape.h>
#include <lamina/core/state_dict.h>
#include <lamina/serialization/load.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace lamina::serialization {

/// What a container holds. The three JSON texts are empty where there is nothing; else they come
/// back byte for byte as they were given.
struct Container {
  StateDict tensors;
  std::string model;       ///< the architecture; empty for a bare state dict
  std::string weights;     ///< source, labels, transforms, accuracy
  std::string checkpoint;  ///< free: epoch, loss, whatever goes beside the tensors
  std::string created_by;  ///< the program that wrote it; written as "lamina <version>" if empty
};

/// One tensor as the manifest describes it.
struct TensorEntry {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  std::int64_t offset = 0;  ///< from the start of the file
  std::int64_t nbytes = 0;
  std::uint64_t checksum = 0;  ///< XXH3-64 of the bytes
  /// For a tied tensor, the entry whose bytes it shares; the fields above are then that entry's.
  std::string alias_of;
};

/// What the header and the manifest say.
struct ContainerInfo {
  int version_major = 0;
  int version_minor = 0;
  std::int64_t file_bytes = 0;
  std::string manifest;  ///< the JSON text as it stands in the file
  std::string model, weights, checkpoint, created_by;
  std::map<std::string, std::string> metadata;  ///< the state dict's
  std::vector<TensorEntry> tensors;             ///< in file order
};

/// Writes a container; tensors keep their order. Two names for the same memory are stored once.
/// Errors:   InvalidArgument for an undefined tensor, a bad name, a text that is not JSON; IoError.
LAMINA_API void write_container(const std::filesystem::path& path, const Container& container,
                                const SaveOptions& options = {});

/// Reads a container; its tensors are views of the mapped file, which they keep open.
/// Errors:   IoError; FormatError, whose code says which rule is broken. Tensor bytes are compared
///           with their checksums only if options.verify is set.
LAMINA_API Container read_container(const std::filesystem::path& path,
                                    const LoadOptions& options = {});

/// Reads the header and the manifest and nothing else. Checks them as read_container() does.
LAMINA_API ContainerInfo inspect_container(const std::filesystem::path& path);

/// Checks every byte of the file: structure, each tensor's checksum, zero padding. On all threads.
/// Errors:   FormatError for the first tensor, in file order, that differs.
LAMINA_API void verify_container(const std::filesystem::path& path,
                                 const ByteProgress& progress = {});

}  // namespace lamina::serialization
