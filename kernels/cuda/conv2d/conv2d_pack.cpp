// Weights as the CUDA kernels read them: [c_out, kh, kw, channels of a group].
#include "kernels/cuda/conv2d/conv2d.h"

#include <lamina/core/dtype.h>

#include "kernels/cuda/e4m3.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace lamina::kernels::cuda {
namespace {

// As a device's from_float() rounds.
struct Tf32 {
  float value;
};

float convert(float value, float) { return value; }
Tf32 convert(float value, Tf32) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const bool is_finite = (~bits & 0x7f800000u) != 0;
  return {is_finite ? std::bit_cast<float>((bits + 0x1000u) & ~0x1fffu) : value};
}
Half convert(float value, Half) { return to_half(value); }
BFloat16 convert(float value, BFloat16) { return to_bfloat16(value); }

template <typename T>
void pack(const Conv2dProblem& problem, const float* weight, T* packed) {
  const auto& conv = problem.conv;
  const std::int64_t channels = conv.c_in / conv.groups, taps = conv.kh * conv.kw;
  const std::int64_t stored = problem.stored() / conv.groups;
  for (std::int64_t k = 0; k < conv.c_out; ++k) {
    for (std::int64_t tap = 0; tap < taps; ++tap, packed += stored) {
      for (std::int64_t c = 0; c < stored; ++c) {
        packed[c] = convert(c < channels ? weight[(k * channels + c) * taps + tap] : 0.0f, T{});
      }
    }
  }
}

void pack_fp8(const Conv2dProblem& problem, const float* weight, E4m3* packed) {
  const auto& conv = problem.conv;
  const std::int64_t taps = conv.kh * conv.kw, channels = conv.c_in;
  for (std::int64_t k = 0; k < conv.c_out; ++k, weight += channels * taps) {
    const float factor = 1 / fp8_weight_scale(weight, channels * taps);
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      for (std::int64_t c = 0; c < channels; ++c) {
        *packed++ = to_e4m3(factor * weight[c * taps + tap]);
      }
    }
  }
}

}  // namespace

float fp8_weight_scale(const float* row, std::int64_t count) {
  float largest = 0;
  for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(row[i]));
  return std::isfinite(largest) ? e4m3_scale(largest, 1) : 1;
}

void pack_conv2d_weight(const Conv2dProblem& problem, const Conv2dPlan&, const float* weight,
                        void* packed) {
  switch (element_of(problem.precision)) {
    case Element::f32: return pack(problem, weight, static_cast<float*>(packed));
    case Element::tf32: return pack(problem, weight, static_cast<Tf32*>(packed));
    case Element::f16: return pack(problem, weight, static_cast<Half*>(packed));
    case Element::bf16: return pack(problem, weight, static_cast<BFloat16*>(packed));
    case Element::e4m3: return pack_fp8(problem, weight, static_cast<E4m3*>(packed));
  }
}

}  // namespace lamina::kernels::cuda
