// The JSON header of a safetensors file.
#pragma once

#include <lamina/core/dtype.h>
#include <lamina/core/shape.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace lamina::serialization {

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  std::int64_t begin = 0, end = 0;  ///< from the end of the header
};

struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::vector<SafetensorsEntry> entries;  ///< in the order of their bytes
  std::span<const std::byte> buffer;      ///< the bytes behind the header
};

/// Checks every rule of the format. Throws FormatError.
SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file_bytes,
                                           const std::filesystem::path& file);

/// The length field and the header, padded with spaces so that the buffer starts at a multiple of
/// 64 bytes.
std::string format_safetensors_header(const SafetensorsHeader& header);

}  // namespace lamina::serialization
