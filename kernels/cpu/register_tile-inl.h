// The register tile of each target. Compiled once a target, as Highway's own -inl.h files are:
// hence the guard that toggles.
#if defined(LAMINA_KERNELS_CPU_REGISTER_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LAMINA_KERNELS_CPU_REGISTER_TILE_INL_H_
#undef LAMINA_KERNELS_CPU_REGISTER_TILE_INL_H_
#else
#define LAMINA_KERNELS_CPU_REGISTER_TILE_INL_H_
#endif

#include "kernels/cpu/register_tile.h"

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// kBlockM x kVectors accumulators, kVectors of weights and one broadcast input fill the registers:
// 15 of AVX2's 16, 27 of AVX-512's 32. 12x2 there and not 6x4, because its panels are half as wide
// and so stay in L2 with 512 input channels (590 KB, not 1180). NEON has 32 as well, of which 8x2
// takes 19: GCC 12 fetches several inputs ahead, and for 2976 multiply-adds of 6x4 it goes to the
// stack 551 times, for 5484 of 12x2 137 times, for 2628 of 8x2 12 times (counted, not timed).
#if HWY_TARGET == HWY_SCALAR
constexpr int kBlockM = 2, kVectors = 4;
#elif HWY_TARGET == HWY_AVX3
constexpr int kBlockM = 12, kVectors = 2;
#elif HWY_TARGET == HWY_NEON
constexpr int kBlockM = 8, kVectors = 2;
#else
constexpr int kBlockM = 6, kVectors = 2;
#endif
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));
constexpr int kBlockN = kVectors * kLanes;

constexpr RegisterTile kRegisterTile{.block_m = kBlockM, .block_n = kBlockN, .lanes = kLanes};

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
