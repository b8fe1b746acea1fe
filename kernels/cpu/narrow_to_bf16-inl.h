// Float32 to bfloat16: the upper halves, to the nearest, ties to even; a NaN stays one. Compiled
// once a target, as Highway's own -inl.h files are: hence the guard that toggles.
#if defined(LAMINA_KERNELS_CPU_NARROW_TO_BF16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LAMINA_KERNELS_CPU_NARROW_TO_BF16_INL_H_
#undef LAMINA_KERNELS_CPU_NARROW_TO_BF16_INL_H_
#else
#define LAMINA_KERNELS_CPU_NARROW_TO_BF16_INL_H_
#endif

#include <hwy/highway.h>

#include <cmath>
#include <cstdint>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {

/// One vector of floats.
HWY_INLINE void NarrowVectorToBf16(const float* from, std::uint16_t* to) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> d32;
  const hn::Rebind<std::uint16_t, decltype(d)> d16;
  const auto value = hn::LoadU(d, from);
  const auto bits = hn::BitCast(d32, value);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(d32, 0x7fff)));
  const auto quiet = hn::Or(bits, hn::Set(d32, 0x400000));
  const auto kept = hn::IfThenElse(hn::RebindMask(d32, hn::IsNaN(value)), quiet, rounded);
  // Values of 16 bits, which the signed source of DemoteTo holds.
  const auto upper = hn::BitCast(hn::RebindToSigned<decltype(d)>(), hn::ShiftRight<16>(kept));
  hn::StoreU(hn::DemoteTo(d16, upper), d16, to);
}

HWY_INLINE std::uint16_t NarrowOneToBf16(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  if (std::isnan(value)) return static_cast<std::uint16_t>(bits >> 16 | 0x40);  // kept quiet
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
