// The first two stages of Winograd in fixed point: V transformed in float, then rounded to 16 bits
// by a scale of the tile's own. One source for every vector width.
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv2d_winograd_q15_kernel.cpp"
#include "kernels/cpu/conv2d_winograd.h"
#include "kernels/cpu/conv2d_winograd_words.h"

#include <hwy/foreach_target.h>
#include "kernels/cpu/register_tile-inl.h"
#include "kernels/cpu/winograd_product-inl.h"
#include "kernels/cpu/winograd_tiles-inl.h"
#include "kernels/cpu/winograd_transform-inl.h"
#include "kernels/cpu/winograd_words-inl.h"

#include <limits>

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {
namespace {

constexpr int kA = Winograd<4>::kA;

// How much V grows is the product of its row's and its column's growth, of which there are two.
constexpr int IsSmall(int i) { return kWinogradGrowth[i] == 6 ? 1 : 0; }
constexpr float kGrowth[3] = {10 * 10, 10 * 6, 6 * 6};  // by how many of the two are small

// What a tile is divided by before V is rounded: its largest magnitude. NaN where the tile holds a
// NaN, an infinity, or what would become one in the transform; 0 where 1 / it would be infinite.
float TileScale(const float* const* pixels, const float* const* next, std::int64_t c_in) {
  const D d;
  V32 largest[2] = {hn::Zero(D32()), hn::Zero(D32())};
  const auto take = [&](V value, int i) HWY_ATTR {
    largest[i % 2] = hn::Max(largest[i % 2], hn::BitCast(D32(), hn::Abs(value)));
  };
  std::int64_t c = 0;
  for (; c + kLanes <= c_in; c += kLanes) {
    if (c % kLine == 0) FetchChannels<kA>(pixels, next, c + kAhead, c_in);
    for (int i = 0; i < kA * kA; ++i) take(hn::LoadU(d, pixels[i] + c), i);
  }
  if (c < c_in) {
    for (int i = 0; i < kA * kA; ++i) take(LoadPart(pixels[i] + c, c_in - c), i);
  }
  const V32 most = hn::MaxOfLanes(D32(), hn::Max(largest[0], largest[1]));
  const float scale = hn::GetLane(hn::BitCast(d, most));
  if (!(scale < kLargestTile)) return std::numeric_limits<float>::quiet_NaN();
  return scale < kLeastTile ? 0.0f : scale;
}

// By the tile's own scale.
class FixedPoint {
 public:
  static constexpr bool kReadsOnce = false;  // finding the scale has fetched the next tile

  FixedPoint(const WinogradConv& conv, std::int64_t, const float* const* pixels,
             const float* const* next)
      : scale_(TileScale(pixels, next, conv.problem.c_in)) {
    const float inverse = scale_ > 0 ? kMostOfV / scale_ : 0.0f;
    for (int i = 0; i < 3; ++i) inverse_[i] = hn::Set(D(), inverse / kGrowth[i]);
  }

  float scale() const { return scale_; }

  template <typename Loader>
  HWY_INLINE void Transform(const Loader& load, float* v, std::int64_t position_stride) const {
    V first[kA][kA], second[kA][kA];
    InputRows<4>(
        D(), [&](int i) HWY_ATTR { return load(i, 0); }, first);
    InputRows<4>(
        D(), [&](int i) HWY_ATTR { return load(i, 1); }, second);
    for (int col = 0; col < kA; ++col) {
      V32 a[kA], b[kA];
      RoundedColumn(first, col, a);
      RoundedColumn(second, col, b);
      for (int row = 0; row < kA; ++row) {
        hn::Store(hn::BitCast(D(), ToWords(MakePairs(a[row], b[row]))), D(),
                  v + (row * kA + col) * position_stride);
      }
    }
  }

 private:
  HWY_INLINE void RoundedColumn(const V (&half)[kA][kA], int col, V32 (&y)[kA]) const {
    V v[kA];
    InputColumn<4>(D(), half, col, v);
    for (int row = 0; row < kA; ++row) {
      y[row] = RoundedProduct(v[row], inverse_[IsSmall(row) + IsSmall(col)]);
    }
  }

  float scale_;
  V inverse_[3];
};

// Sums go to float after every kChannelsOfSum channels, so that they may be as large again.
template <typename Base>
struct Flushed : Base {
  static constexpr std::int64_t kWordsOfSum = kChannelsOfSum / 2;
};

constexpr WinogradKernels kKernels{TransformTiles<FixedPoint>, MultiplyWords<Flushed<PairWords>>,
                                   nullptr};
constexpr WinogradKernels kDotKernels{TransformTiles<FixedPoint>, MultiplyWords<Flushed<DotWords>>,
                                      nullptr};

}  // namespace

const WinogradKernels* KernelsQ15() { return &kKernels; }
const WinogradKernels* DotKernelsQ15() { return &kDotKernels; }

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lamina::kernels::cpu {

const WinogradKernels& winograd_q15_kernels(Isa isa, bool vnni) {
  return vnni ? *LAMINA_TARGET(isa, DotKernelsQ15)() : *LAMINA_TARGET(isa, KernelsQ15)();
}

}  // namespace lamina::kernels::cpu
#endif
