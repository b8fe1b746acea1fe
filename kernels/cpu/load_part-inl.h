// What is left of a row behind its last whole vector. Compiled once a target, as Highway's own
// -inl.h files are: hence the guard that toggles.
#if defined(LAMINA_KERNELS_CPU_LOAD_PART_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LAMINA_KERNELS_CPU_LOAD_PART_INL_H_
#undef LAMINA_KERNELS_CPU_LOAD_PART_INL_H_
#else
#define LAMINA_KERNELS_CPU_LOAD_PART_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {

/// A vector of which only the first `count` floats may be read; the others are 0.
HWY_INLINE hwy::HWY_NAMESPACE::Vec<hwy::HWY_NAMESPACE::ScalableTag<float>> LoadPart(
    const float* from, std::int64_t count) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  HWY_ALIGN float part[hn::MaxLanes(d)] = {};
  for (std::int64_t i = 0; i < count; ++i) part[i] = from[i];
  return hn::Load(d, part);
}

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
