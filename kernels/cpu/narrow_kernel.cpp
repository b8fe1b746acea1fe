// Rounding of weights to bfloat16 and to 8 bits, one source for every vector width.
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/narrow_kernel.cpp"
#include "kernels/cpu/narrow.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "kernels/cpu/narrow_to_bf16-inl.h"

#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));

std::int8_t ToS8(float value, float inverse) {
  const float scaled = std::nearbyint(value * inverse);
  return static_cast<std::int8_t>(scaled > 127 ? 127 : scaled < -127 ? -127 : scaled);
}

}  // namespace

void NarrowToBf16(const float* from, std::int64_t count, std::uint16_t* to) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) NarrowVectorToBf16(from + i, to + i);
  for (; i < count; ++i) to[i] = NarrowOneToBf16(from[i]);
}

float NarrowToS8(const float* from, std::int64_t count, std::int8_t* to) {
  const D d;
  V largest = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    largest = hn::Max(largest, hn::Abs(hn::LoadU(d, from + i)));
  }
  float most = hn::GetLane(hn::MaxOfLanes(d, largest));
  for (; i < count; ++i) most = std::fmax(most, std::fabs(from[i]));
  const float inverse = most > 0 ? 127 / most : 0;
  const hn::Rebind<std::int8_t, D> d8;
  for (i = 0; i + kLanes <= count; i += kLanes) {
    const auto whole = hn::NearestInt(hn::Mul(hn::LoadU(d, from + i), hn::Set(d, inverse)));
    hn::StoreU(hn::DemoteTo(d8, whole), d8, to + i);
  }
  for (; i < count; ++i) to[i] = ToS8(from[i], inverse);
  return most / 127;
}

constexpr NarrowKernels kKernels{NarrowToBf16, NarrowToS8};
const NarrowKernels* Kernels() { return &kKernels; }

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lamina::kernels::cpu {

const NarrowKernels& narrow_kernels(Isa isa) { return *LAMINA_TARGET(isa, Kernels)(); }

}  // namespace lamina::kernels::cpu
#endif
