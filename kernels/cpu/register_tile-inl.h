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
// and so stay in L2 with 512 input channels (590 KB, not 1180). NEON has AVX-512's 32 registers and
// half of AVX2's lanes: 6x4 fills 29, its panels are as wide as AVX2's, and a step loads 10 values
// for its 24 products, where 12x2 would load 14 (counted, not measured).
#if HWY_TARGET == HWY_SCALAR
constexpr int kBlockM = 2, kVectors = 4;
#elif HWY_TARGET == HWY_AVX3
constexpr int kBlockM = 12, kVectors = 2;
#elif HWY_TARGET == HWY_NEON
constexpr int kBlockM = 6, kVectors = 4;
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
