// The first two stages of Winograd in fixed point: V transformed in float, then rounded to 16 bits
// by a scale of the tile's own. One source for every vector width.
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv2d_winograd_q15_kernel.cpp"
#include "kernels/cpu/conv2d_winograd.h"
#include "kernels/cpu/conv2d_winograd_words.h"

#include <hwy/foreach_target.h>
#include "kernels/cpu/load_part-inl.h"
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

// What a tile is divided by before V is rounded: its largest magnitude. NaN where the tile holds a
// NaN, an infinity, or what would become one in the transform; 0 where 1 / it would be infinite.
// The next tile is fetched on the way.
template <int kA>
float TileScale(const float* const* pixels, const float* const* next, std::int64_t c_in) {
  // Two chains, each in a register: by magnitude floats are ordered as whole numbers.
  V32 even = hn::Zero(D32()), odd = hn::Zero(D32());
  const auto larger = [](V32 most, V value)
                          HWY_ATTR { return hn::Max(most, hn::BitCast(D32(), hn::Abs(value))); };
  std::int64_t c = 0;
  for (; c + kLanes <= c_in; c += kLanes) {
    if (c % kLine == 0) FetchChannels<kA>(pixels, next, c + kAhead, c_in);
    for (int i = 0; i < kA * kA; i += 2) {
      even = larger(even, hn::LoadU(D(), pixels[i] + c));
      odd = larger(odd, hn::LoadU(D(), pixels[i + 1] + c));
    }
  }
  if (c < c_in) {
    for (int i = 0; i < kA * kA; ++i) even = larger(even, LoadPart(pixels[i] + c, c_in - c));
  }
  const V32 most = hn::MaxOfLanes(D32(), hn::Max(even, odd));
  const float scale = hn::GetLane(hn::BitCast(D(), most));
  if (!(scale < kLargestTile)) return std::numeric_limits<float>::quiet_NaN();
  return scale < kLeastTile ? 0.0f : scale;
}

// V of one tile by a scale.
template <int kM>
class FixedPoint {
 public:
  explicit FixedPoint(float scale) {
    const float inverse = scale > 0 ? kMostOfV / scale : 0.0f;
    for (int i = 0; i < kGrowth.classes; ++i) {
      for (int j = 0; j < kGrowth.classes; ++j) {
        inverse_[i][j] = hn::Set(D(), inverse / (kGrowth.size[i] * kGrowth.size[j]));
      }
    }
  }

  // Words of 2 * kLanes channels, whose floats load(pixel, half) gives.
  template <typename Loader>
  HWY_INLINE void Transform(const Loader& load, float* v, std::int64_t position_stride) const {
    V first[kA][kA], second[kA][kA];
    InputRows<kM>(
        D(), [&](int i) HWY_ATTR { return load(i, 0); }, first);
    InputRows<kM>(
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
  static constexpr int kA = Winograd<kM>::kA;
  static constexpr WinogradGrowth kGrowth = winograd_growth(kM);

  HWY_INLINE void RoundedColumn(const V (&half)[kA][kA], int col, V32 (&y)[kA]) const {
    V v[kA];
    InputColumn<kM>(D(), half, col, v);
    for (int row = 0; row < kA; ++row) {
      y[row] = RoundedProduct(v[row], inverse_[kGrowth.of[row]][kGrowth.of[col]]);
    }
  }

  V inverse_[3][3];
};

template <int kM>
void TransformInput(const WinogradConv& conv, TileRange tiles, float* v,
                    std::int64_t position_stride) {
  constexpr int kA = Winograd<kM>::kA;
  const std::int64_t c_in = conv.problem.c_in;
  const auto transform = [&](std::int64_t tile, const float* const* pixels,
                             const float* const* next, float* row) HWY_ATTR {
    const float own = TileScale<kA>(pixels, next, c_in);
    const float scale = own < conv.input_range ? conv.input_range : own;  // NaN stays
    conv.tile_scale[tile] = scale;
    const FixedPoint<kM> format(scale);
    for (std::int64_t c = 0; c < c_in; c += 2 * kLanes) {
      float* const words = row + c / 2;
      if (c + 2 * kLanes <= c_in) {
        format.Transform([&](int i, int part)
                             HWY_ATTR { return hn::LoadU(D(), pixels[i] + c + part * kLanes); },
                         words, position_stride);
      } else {
        format.Transform([&](int i, int part)
                             HWY_ATTR { return LoadChannels(pixels[i], c + part * kLanes, c_in); },
                         words, position_stride);
      }
    }
  };
  ForEachTile<kA>(conv, tiles, v, transform);
}

// Sums go to float after every kChannelsOfSum channels, so that they may be as large again.
template <typename Base>
struct Flushed : Base {
  static constexpr std::int64_t kWordsOfSum = kChannelsOfSum / 2;
};

template <int kM, typename Words>
constexpr WinogradKernels kKernels{TransformInput<kM>, MultiplyWords<Flushed<Words>>, nullptr};

}  // namespace

const WinogradKernels* KernelsQ15(int m, bool vnni) {
  if (vnni) return m == 4 ? &kKernels<4, DotWords> : &kKernels<6, DotWords>;
  return m == 4 ? &kKernels<4, PairWords> : &kKernels<6, PairWords>;
}

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lamina::kernels::cpu {

const WinogradKernels& winograd_q15_kernels(Isa isa, int m, bool vnni) {
  return *LAMINA_TARGET(isa, KernelsQ15)(m, vnni);
}

}  // namespace lamina::kernels::cpu
#endif
