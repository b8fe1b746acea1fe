// How the copy engine and the tensor cores order what lies in shared memory.
#pragma once

#include <cstdint>

namespace lamina::kernels::cuda::emulator {

inline constexpr int kPart = 16;         // bytes: what a swizzle moves as one
inline constexpr int kSwizzleRow = 128;  // bytes

// With rows of 128 bytes, part i of row r lies at i ^ r % 8, by the address's own bits.
template <typename T>
T* swizzled(T* base, std::int64_t offset) {
  const auto address = reinterpret_cast<std::uintptr_t>(base) + static_cast<std::uintptr_t>(offset);
  return reinterpret_cast<T*>(address ^ (address >> 7 & 7) << 4);
}

}  // namespace lamina::kernels::cuda::emulator
