// Rounding of weights to bfloat16 and to 8 bits, one source for every vector width.
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/narrow_kernel.cpp"
#include "kernels/cpu/narrow.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));

std::uint16_t ToBf16(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  if (std::isnan(value)) return static_cast<std::uint16_t>(bits >> 16 | 0x40);  // kept quiet
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

std::int8_t ToS8(float value, float inverse) {
  const float scaled = std::nearbyint(value * inverse);
  return static_cast<std::int8_t>(scaled > 127 ? 127 : scaled < -127 ? -127 : scaled);
}

}  // namespace

void NarrowToBf16(const float* from, std::int64_t count, std::uint16_t* to) {
  const D d;
  const hn::RebindToUnsigned<D> d32;
  const hn::Rebind<std::uint16_t, D> d16;
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const V value = hn::LoadU(d, from + i);
    const auto bits = hn::BitCast(d32, value);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1));
    const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(d32, 0x7fff)));
    const auto quiet = hn::Or(bits, hn::Set(d32, 0x400000));
    const auto kept = hn::IfThenElse(hn::RebindMask(d32, hn::IsNaN(value)), quiet, rounded);
    // Values of 16 bits, which the signed source of DemoteTo holds.
    const auto upper = hn::BitCast(hn::RebindToSigned<D>(), hn::ShiftRight<16>(kept));
    hn::StoreU(hn::DemoteTo(d16, upper), d16, to + i);
  }
  for (; i < count; ++i) to[i] = ToBf16(from[i]);
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
