// Fetching into the caches ahead of need. Compiled once a target, like the kernels that call it.
#if defined(LAMINA_KERNELS_CPU_FETCH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LAMINA_KERNELS_CPU_FETCH_INL_H_
#undef LAMINA_KERNELS_CPU_FETCH_INL_H_
#else
#define LAMINA_KERNELS_CPU_FETCH_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {

// None of these reads: an address outside of what exists is as good as any.
HWY_INLINE void FetchL1(const void* from) { __builtin_prefetch(from, 0, 3); }
HWY_INLINE void FetchL2(const void* from) { __builtin_prefetch(from, 0, 2); }
HWY_INLINE void FetchToWrite(const void* target) { __builtin_prefetch(target, 1, 3); }

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
