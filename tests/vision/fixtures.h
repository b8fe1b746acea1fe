// The images of tests/data/vision and what Pillow and torchvision make of them; see
// make_fixtures.py.
#pragma once

#include <lamina/vision/image.h>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

namespace lamina::test {

inline std::filesystem::path fixture_path(const std::string& name) {
  return std::filesystem::path(LAMINA_TEST_DATA) / "vision" / name;
}

inline std::vector<std::uint8_t> read_fixture(const std::string& name) {
  std::ifstream file(fixture_path(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline const nlohmann::json& fixture_index() {
  static const nlohmann::json index = [] {
    std::ifstream file(fixture_path("index.json"));
    return nlohmann::json::parse(file);
  }();
  return index;
}

/// The image that an entry of the index ("width", "height", "offset") says is expected.
inline vision::Image expected_image(const nlohmann::json& entry) {
  static const std::vector<std::uint8_t> all = read_fixture("expected.rgb");
  vision::Image image{entry["width"], entry["height"], {}};
  const std::ptrdiff_t offset = entry["offset"];
  image.pixels.assign(all.begin() + offset, all.begin() + offset + 3 * image.width * image.height);
  return image;
}

/// The high bytes of a linear congruence; make_fixtures.py draws the same.
inline vision::Image noise(std::int64_t width, std::int64_t height) {
  vision::Image image{width, height, {}};
  std::uint32_t state = 1;
  for (std::int64_t i = 0; i < 3 * width * height; ++i) {
    state = state * 1664525U + 1013904223U;
    image.pixels.push_back(static_cast<std::uint8_t>(state >> 24));
  }
  return image;
}

inline std::string fnv1a(std::span<const std::byte> bytes) {
  std::uint64_t value = 0xCBF29CE484222325U;
  for (std::byte byte : bytes) value = (value ^ static_cast<std::uint64_t>(byte)) * 0x100000001B3U;
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[value >> shift & 15];
  return text;
}

inline std::string fnv1a(const vision::Image& image) {
  return fnv1a(std::as_bytes(std::span(image.pixels)));
}

}  // namespace lamina::test
