#include "tools/lamina_convert/floating.h"

#include "tools/lamina_convert/tensor_stats.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

namespace lamina::tools {
namespace {

bool is_aligned(const Tensor& tensor) {
  return reinterpret_cast<std::uintptr_t>(tensor.raw_data()) %
             static_cast<std::uintptr_t>(size_of(tensor.dtype())) ==
         0;
}

// Of a conversion to fp16, the one type that weights do leave the range of.
std::int64_t overflows(const Tensor& source, const Tensor& half) {
  constexpr unsigned kMagnitude = 0x7FFF, kInfinity = 0x7C00;
  const auto infinities = std::ranges::count_if(
      half.values<Half>(), [](Half value) { return (value.bits & kMagnitude) == kInfinity; });
  return infinities == 0 ? 0 : infinities - tensor_stats(source).infinities;
}

}  // namespace

Overflow convert_floating(StateDict& tensors, DType dtype) {
  Overflow overflow;
  std::map<std::tuple<const void*, std::int64_t, DType>, Tensor> known;  // by contiguous source
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) names.push_back(name);
  for (const std::string& name : names) {
    const Tensor tensor = tensors.at(name);
    if (!is_floating(tensor.dtype()) || tensor.dtype() == dtype) continue;
    Tensor strided;
    Tensor& converted = tensor.is_contiguous()
                            ? known[{tensor.raw_data(), tensor.numel(), tensor.dtype()}]
                            : strided;
    if (!converted.defined()) {
      const Tensor source = is_aligned(tensor) ? tensor : tensor.clone();
      converted = source.to(dtype);
      const std::int64_t lost = dtype == DType::f16 ? overflows(source, converted) : 0;
      if (overflow.values == 0 && lost > 0) overflow.first_tensor = name;
      overflow.values += lost;
    }
    tensors.set(name, converted.reshape(tensor.shape()));
  }
  return overflow;
}

}  // namespace lamina::tools
