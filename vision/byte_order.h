// Integers out of file bytes, in either byte order. The caller has checked that they are there.
#pragma once

#include <cstdint>

namespace lamina::vision::detail {

constexpr std::uint32_t u16_le(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[0] | p[1] << 8);
}
constexpr std::uint32_t u16_be(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[0] << 8 | p[1]);
}
constexpr std::uint32_t u32_le(const std::uint8_t* p) { return u16_le(p) | u16_le(p + 2) << 16; }
constexpr std::uint32_t u32_be(const std::uint8_t* p) { return u16_be(p) << 16 | u16_be(p + 2); }

}  // namespace lamina::vision::detail
