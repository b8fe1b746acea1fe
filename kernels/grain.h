// How much of an operation on plain memory one thread takes at a time.
#pragma once

#include <algorithm>
#include <cstdint>

namespace lamina::kernels {

/// A quarter of a megabyte: handing out a range costs little beside reading it.
inline constexpr std::int64_t kGrainFloats = 64 * 1024;

/// The same, counted in units (rows, planes) of so many floats; at least 1.
constexpr std::int64_t units_of_range(std::int64_t floats_of_unit) {
  return std::max<std::int64_t>(kGrainFloats / std::max<std::int64_t>(floats_of_unit, 1), 1);
}

}  // namespace lamina::kernels
