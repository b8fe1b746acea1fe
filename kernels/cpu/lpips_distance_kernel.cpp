// LPIPS's distance of pixels, a vector of them at a time: one pass over the channels for the norms,
// one for the differences. (One pass alone would have to subtract sums, which are almost equal
// where the pictures are.)
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/lpips_distance_kernel.cpp"
#include "kernels/cpu/lpips_distance.h"

#include <hwy/foreach_target.h>
#include "kernels/cpu/for_each_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {
namespace {

template <typename Tag>
HWY_INLINE hn::Vec<Tag> OneOverNorm(Tag d, hn::Vec<Tag> squares, float eps) {
  return hn::Div(hn::Set(d, 1.0f), hn::Add(hn::Sqrt(squares), hn::Set(d, eps)));
}

template <typename Tag>
HWY_INLINE void DistanceAt(Tag d, const LpipsPixels& pixels, std::int64_t i, float* output) {
  hn::Vec<Tag> squares_a = hn::Zero(d), squares_b = hn::Zero(d), sum = hn::Zero(d);
  const float *a = pixels.a + i, *b = pixels.b + i;
  for (std::int64_t c = 0; c < pixels.c; ++c, a += pixels.stride, b += pixels.stride) {
    const auto value_a = hn::LoadU(d, a), value_b = hn::LoadU(d, b);
    squares_a = hn::MulAdd(value_a, value_a, squares_a);
    squares_b = hn::MulAdd(value_b, value_b, squares_b);
  }
  const auto scale_a = OneOverNorm(d, squares_a, pixels.eps);
  const auto scale_b = OneOverNorm(d, squares_b, pixels.eps);
  a = pixels.a + i, b = pixels.b + i;
  for (std::int64_t c = 0; c < pixels.c; ++c, a += pixels.stride, b += pixels.stride) {
    // Both products rounded: with a fused one, equal pixels would not give zero.
    const auto difference =
        hn::Sub(hn::Mul(hn::LoadU(d, a), scale_a), hn::Mul(hn::LoadU(d, b), scale_b));
    const auto weighted = hn::Mul(hn::Set(d, pixels.weight[c]), difference);
    sum = hn::MulAdd(weighted, difference, sum);
  }
  hn::StoreU(sum, d, output + i);
}

}  // namespace

void LpipsDistance(const LpipsPixels& pixels, std::int64_t count, float* output) {
  ForEachVector(count, [&](auto d, std::int64_t i) { DistanceAt(d, pixels, i, output); });
}

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lamina::kernels::cpu {

LpipsDistanceKernel* lpips_distance_kernel(Isa isa) { return LAMINA_TARGET(isa, LpipsDistance); }

}  // namespace lamina::kernels::cpu
#endif
