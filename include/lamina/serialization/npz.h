// NumPy's .npz files: a zip archive of .npy arrays.
#pragma once

#include <lamina/core/export.h>
#include <lamina/core/state_dict.h>
#include <lamina/serialization/load.h>

#include <filesystem>

namespace lamina::serialization {

/// Reads an archive, stored or deflated; names lose their ".npy". A stored array is a view of the
/// mapped file where it is aligned. Each entry's CRC-32 is always compared, so all of the file is
/// read.
/// Errors:   IoError; FormatError for a broken zip or a broken array in it.
LAMINA_API StateDict load_npz(const std::filesystem::path& path, const LoadOptions& options = {});

/// Writes an archive that numpy.load reads, uncompressed, each array aligned to 64 bytes. The
/// format has no place for metadata(), and tied tensors are written once for each name. Errors:
/// InvalidArgument for an undefined tensor or a bad name; Unsupported for bf16; IoError.
LAMINA_API void save_npz(const StateDict& tensors, const std::filesystem::path& path,
                         const SaveOptions& options = {});

}  // namespace lamina::serialization
