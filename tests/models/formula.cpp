#include "tests/models/formula.h"

#include "core/parallel.h"

#include <lamina/core/threads.h>

#include <zlib.h>

#include <map>
#include <string>

namespace lamina::test {
namespace {

std::uint32_t mixed(std::uint32_t x) {
  x ^= x >> 15;
  x *= 0x2C1B3C6D;
  x ^= x >> 12;
  x *= 0x297A2D39;
  return x ^ x >> 15;
}

float weight_scale(const Shape& shape) {
  const std::int64_t fan_in = shape.numel() / shape[0];
  float scale = 0x1p-6F;
  for (std::int64_t power = 1; fan_in > 4 * power; power *= 4) scale /= 2;
  return scale;
}

// The classifier's two large matrices are the same in all eight networks: made once.
Tensor weight_matrix(const std::string& name, const Shape& shape) {
  static std::map<std::string, Tensor> made;
  if (shape.numel() < 10'000'000) return formula_tensor(name, shape, weight_scale(shape));
  Tensor& tensor = made[name];
  if (!(tensor.shape() == shape)) tensor = formula_tensor(name, shape, weight_scale(shape));
  return tensor;
}

}  // namespace

Tensor formula_tensor(std::string_view name, const Shape& shape, float scale, float shift) {
  Tensor result = Tensor::empty(shape);
  float* values = result.mutable_data<float>();
  const auto offset = static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(name.data()), static_cast<uInt>(name.size())));
  constexpr std::int64_t kGrain = 1 << 16;
  parallel_for(available_threads(), shape.numel(), kGrain,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   const auto index = static_cast<std::uint32_t>(i);
                   const std::uint32_t word = mixed(index * 2654435761U + offset);
                   const int value = static_cast<int>(word >> 24) - 128;
                   values[i] = static_cast<float>(value) * scale + shift;
                 }
               });
  return result;
}

StateDict formula_state(const StateDict& like) {
  StateDict state;
  for (const auto& [name, tensor] : like) {
    if (name.ends_with("num_batches_tracked")) continue;
    const bool positive = name.ends_with("running_var") || name.ends_with("weight");
    if (tensor.rank() > 1) {
      state.insert(name, weight_matrix(name, tensor.shape()));
    } else if (positive) {
      state.insert(name, formula_tensor(name, tensor.shape(), 0x1p-8F, 1));
    } else {
      state.insert(name, formula_tensor(name, tensor.shape(), 0x1p-10F));
    }
  }
  return state;
}

}  // namespace lamina::test
