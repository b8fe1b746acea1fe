// The few members of a tar file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>

namespace lamina::serialization {

/// Regular files by name; the rest is passed over. Throws FormatError: bad_checksum (of a header),
/// bad_field, out_of_bounds, duplicate_name, limit. Source: POSIX.1-1988 (ustar).
std::map<std::string, std::span<const std::byte>> read_tar(std::span<const std::byte> bytes,
                                                           const std::filesystem::path& file);

}  // namespace lamina::serialization
