// The loop of every kernel that has no shape: vectors, then what is left. Compiled once a target,
// as Highway's own -inl.h files are: hence the guard that toggles.
#if defined(LAMINA_KERNELS_CPU_FOR_EACH_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LAMINA_KERNELS_CPU_FOR_EACH_VECTOR_INL_H_
#undef LAMINA_KERNELS_CPU_FOR_EACH_VECTOR_INL_H_
#else
#define LAMINA_KERNELS_CPU_FOR_EACH_VECTOR_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Calls f(tag, i) for vectors and then for single elements that cover [0, count). The last ones go
/// through the same operations one lane wide: their bits do not depend on where the range was cut.
template <typename F>
HWY_INLINE void ForEachVector(std::int64_t count, F&& f) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> one;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) f(d, i);
  for (; i < count; ++i) f(one, i);
}

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
