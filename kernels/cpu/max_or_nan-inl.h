// The larger of two as pooling wants it. Compiled once a target, as Highway's own -inl.h files are:
// hence the guard that toggles.
#if defined(LAMINA_KERNELS_CPU_MAX_OR_NAN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LAMINA_KERNELS_CPU_MAX_OR_NAN_INL_H_
#undef LAMINA_KERNELS_CPU_MAX_OR_NAN_INL_H_
#else
#define LAMINA_KERNELS_CPU_MAX_OR_NAN_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {

/// NaN where one is. The processor's own maximum returns its second operand then, which would lose
/// a NaN in the first.
template <typename V>
HWY_INLINE V MaxOrNaN(V a, V b) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::IfThenElse(hn::Or(hn::Gt(b, a), hn::IsNaN(b)), b, a);
}

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
