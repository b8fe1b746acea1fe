// U = G g G^T of a panel of weights, in double vectors.
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv2d_winograd_pack_kernel.cpp"
#include "kernels/cpu/conv2d_winograd.h"

#include <hwy/foreach_target.h>
#include "kernels/cpu/register_tile-inl.h"
#include "kernels/cpu/winograd_transform-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {

namespace {

using DDouble = hn::ScalableTag<double>;
using VDouble = hn::Vec<DDouble>;
constexpr int kDoubles = static_cast<int>(hn::MaxLanes(DDouble()));

// The kernels of one input channel, an output channel a lane, to u[position * position_stride].
template <int kM>
HWY_INLINE void TransformWeight(const double (&g)[9][kBlockN], int lane, float* u,
                                std::int64_t position_stride) {
  constexpr int kA = Winograd<kM>::kA;
  const DDouble d;
  const hn::Rebind<float, DDouble> d_float;
  VDouble half[kA][3];
  for (int s = 0; s < 3; ++s) {
    const VDouble x[3] = {hn::Load(d, g[s] + lane), hn::Load(d, g[3 + s] + lane),
                          hn::Load(d, g[6 + s] + lane)};
    VDouble y[kA];
    Winograd<kM>::Weight(d, x, y);
    for (int row = 0; row < kA; ++row) half[row][s] = y[row];
  }
  for (int row = 0; row < kA; ++row) {
    VDouble y[kA];
    Winograd<kM>::Weight(d, half[row], y);
    for (int col = 0; col < kA; ++col, u += position_stride) {
      hn::StoreU(hn::DemoteTo(d_float, y[col]), d_float, u + lane);
    }
  }
}

template <int kM>
void PackPanel(const Conv2dProblem& p, const float* weight, std::int64_t panel, float* u) {
  const std::int64_t k = panel * kBlockN, position_stride = p.c_in * kBlockN;
  const std::int64_t channels = p.c_out - k < kBlockN ? p.c_out - k : kBlockN;
  HWY_ALIGN double g[9][kBlockN] = {};  // lanes past the last channel stay zero
  for (std::int64_t c = 0; c < p.c_in; ++c, u += kBlockN) {
    for (std::int64_t j = 0; j < channels; ++j) {
      const float* source = weight + ((k + j) * p.c_in + c) * 9;
      for (int tap = 0; tap < 9; ++tap) g[tap][j] = source[tap];
    }
    for (int lane = 0; lane < kBlockN; lane += kDoubles) {
      TransformWeight<kM>(g, lane, u, position_stride);
    }
  }
}

}  // namespace

void PackPanel4(const Conv2dProblem& p, const float* weight, std::int64_t panel, float* u) {
  PackPanel<4>(p, weight, panel, u);
}
void PackPanel6(const Conv2dProblem& p, const float* weight, std::int64_t panel, float* u) {
  PackPanel<6>(p, weight, panel, u);
}

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lamina::kernels::cpu {

WinogradPackKernel* winograd_pack_kernel(Isa isa, int m) {
  return m == 4 ? LAMINA_TARGET(isa, PackPanel4) : LAMINA_TARGET(isa, PackPanel6);
}

}  // namespace lamina::kernels::cpu
#endif
