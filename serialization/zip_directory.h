// Where the entries of a zip archive are.
#pragma once

#include "serialization/zip_reader.h"

namespace lamina::serialization {

/// The entries of the central directory, each compared with its local header; see ZipReader. Throws
/// FormatError.
std::vector<ZipEntry> parse_zip_directory(std::span<const std::byte> bytes,
                                          const std::filesystem::path& file);

}  // namespace lamina::serialization
