// The two loops whose speed is a ceiling: multiply-adds that wait for nothing, and reads in order.
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tools/lamina_bench/ceilings_kernel.cpp"
#include "tools/lamina_bench/ceilings.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lamina::tools {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Chains enough for two units of latency 4 and 5, few enough for 16 registers.
constexpr int kChains = 10;

double SpinMultiplyAdds(std::int64_t rounds) {
  const D d;
  V sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = hn::Set(d, 1.0F / static_cast<float>(i + 1));
  const V factor = hn::Set(d, 0.999F), term = hn::Set(d, 1e-3F);
  for (std::int64_t r = 0; r < rounds; ++r) {
    for (int i = 0; i < kChains; ++i) sums[i] = hn::MulAdd(sums[i], factor, term);
  }
  V all = sums[0];
  for (int i = 1; i < kChains; ++i) all = hn::Add(all, sums[i]);
  volatile float keep = hn::GetLane(hn::SumOfLanes(d, all));
  (void)keep;
  return 2.0 * kChains * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

float ReadFloats(const float* values, std::int64_t count) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V a = hn::Zero(d), b = a, c = a, e = a;
  for (std::int64_t i = 0; i + 4 * lanes <= count; i += 4 * lanes) {
    a = hn::Add(a, hn::LoadU(d, values + i));
    b = hn::Add(b, hn::LoadU(d, values + i + lanes));
    c = hn::Add(c, hn::LoadU(d, values + i + 2 * lanes));
    e = hn::Add(e, hn::LoadU(d, values + i + 3 * lanes));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(a, b), hn::Add(c, e))));
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lamina::tools
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lamina::tools {

HWY_EXPORT(SpinMultiplyAdds);
HWY_EXPORT(ReadFloats);

double spin_multiply_adds(Isa isa, std::int64_t rounds) {
  return LAMINA_TARGET(isa, SpinMultiplyAdds)(rounds);
}

float read_floats(Isa isa, const float* values, std::int64_t count) {
  return LAMINA_TARGET(isa, ReadFloats)(values, count);
}

}  // namespace lamina::tools
#endif
