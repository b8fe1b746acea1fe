// Values in device memory for kernel cases: any element type, with elements around them that nobody
// may touch.
#pragma once

#include <lamina/core/dtype.h>

#include "kernels/cuda/precision.h"
#include "kernels/cuda/runtime.h"

#include <cstdint>
#include <string>
#include <vector>

namespace lamina::kernels::cuda {

/// "f32", "tf32", "f16", "bf16" or "e4m3".
inline std::string name_of(Element element) {
  constexpr const char* kNames[] = {"f32", "tf32", "f16", "bf16", "e4m3"};
  return kNames[static_cast<int>(element)];
}

/// The value as the element type holds it: the nearest one; of two as near the even one, in tf32
/// the larger.
float rounded_to(Element element, float value);

std::vector<float> rounded_to(Element element, std::vector<float> values);

class DeviceArray {
 public:
  /// Holds the values, rounded.
  DeviceArray(Element element, const std::vector<float>& values);
  /// Holds something that no kernel writes; what is left of it shows in read().
  static DeviceArray untouched(Element element, std::int64_t count);

  void* data() const { return memory_.as<char>() + kGuard * bytes_of(element_); }
  template <typename T>
  T* as() const {
    return static_cast<T*>(data());
  }
  std::vector<float> read() const;
  /// "" or that elements around the array were written.
  std::string complaint() const;

 private:
  static constexpr std::int64_t kGuard = 64;

  std::vector<float> read_all() const;

  Element element_;
  std::int64_t count_;
  DeviceMemory memory_;
};

/// Device memory with these bytes.
DeviceMemory upload_bytes(const void* bytes, std::int64_t size_bytes);

/// "" or the first element that differs by more than `bound`; a NaN equals a NaN only.
std::string difference(const std::vector<float>& actual, const std::vector<float>& expected,
                       float bound = 0);
/// The same, with the array's guards looked at too.
std::string difference(const DeviceArray& actual, const std::vector<float>& expected,
                       float bound = 0);

/// Whole numbers in [-range, range] that look random.
std::vector<float> whole_numbers(std::int64_t count, int range, std::uint32_t seed);
/// Reals in [-1, 1) that look random.
std::vector<float> reals(std::int64_t count, std::uint32_t seed);

}  // namespace lamina::kernels::cuda
