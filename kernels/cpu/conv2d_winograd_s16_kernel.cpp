// The first two stages of Winograd on whole numbers of 16 bits: inputs rounded to 8 bits and a
// sign, V exact, products added in pairs to 32 bits. One source for every vector width.
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv2d_winograd_s16_kernel.cpp"
#include "kernels/cpu/conv2d_winograd.h"

#include <hwy/foreach_target.h>
#include "kernels/cpu/load_part-inl.h"
#include "kernels/cpu/register_tile-inl.h"
#include "kernels/cpu/winograd_product-inl.h"
#include "kernels/cpu/winograd_tiles-inl.h"
#include "kernels/cpu/winograd_transform-inl.h"
#include "kernels/cpu/winograd_words-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {
namespace {

constexpr int kA = Winograd<4>::kA;

#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
HWY_INLINE void InputWhole(const Pairs (&x)[kA], Pairs (&y)[kA]) { Winograd<4>::InputWhole(x, y); }
#else
HWY_INLINE void InputWhole(const Pairs (&x)[kA], Pairs (&y)[kA]) {
  V32 from[kA], to[kA];
  for (int i = 0; i < kA; ++i) from[i] = x[i].first;
  Winograd<4>::InputWhole(from, to);
  for (int i = 0; i < kA; ++i) y[i].first = to[i];
  for (int i = 0; i < kA; ++i) from[i] = x[i].second;
  Winograd<4>::InputWhole(from, to);
  for (int i = 0; i < kA; ++i) y[i].second = to[i];
}
#endif

// By the image's scale.
class WholeInputs {
 public:
  static constexpr bool kReadsOnce = true;

  WholeInputs(const WinogradConv& conv, std::int64_t tile, const float* const*, const float* const*)
      : scale_(conv.image_scale[TilePlace(conv, tile).b]),
        inverse_(hn::Set(D(), scale_ > 0 ? 1 / scale_ : 0.0f)) {}

  float scale() const { return scale_; }

  template <typename Loader>
  HWY_INLINE void Transform(const Loader& load, float* v, std::int64_t position_stride) const {
    Pairs half[kA][kA];
    for (int row = 0; row < kA; ++row) {
      Pairs x[kA];
      for (int col = 0; col < kA; ++col) {
        const int pixel = row * kA + col;
        x[col] = MakePairs(RoundedProduct(load(pixel, 0), inverse_),
                           RoundedProduct(load(pixel, 1), inverse_));
      }
      InputWhole(x, half[row]);
    }
    for (int col = 0; col < kA; ++col) {
      Pairs x[kA], y[kA];
      for (int row = 0; row < kA; ++row) x[row] = half[row][col];
      InputWhole(x, y);
      for (int row = 0; row < kA; ++row) {
        hn::Store(hn::BitCast(D(), ToWords(y[row])), D(), v + (row * kA + col) * position_stride);
      }
    }
  }

 private:
  float scale_;
  V inverse_;
};

}  // namespace

std::int32_t LargestBits(const float* values, std::int64_t count) {
  const D d;
  const D32 d32;
  V32 largest = hn::Zero(d32);
  std::int64_t i = 0;
  const auto take = [&](V value)
                        HWY_ATTR { largest = hn::Max(largest, hn::BitCast(d32, hn::Abs(value))); };
  for (; i + kLanes <= count; i += kLanes) take(hn::LoadU(d, values + i));
  if (i < count) take(LoadPart(values + i, count - i));
  return hn::GetLane(hn::MaxOfLanes(d32, largest));
}

constexpr WinogradKernels kKernels{TransformTiles<WholeInputs>, MultiplyWords<PairWords>, nullptr};
constexpr WinogradKernels kDotKernels{TransformTiles<WholeInputs>, MultiplyWords<DotWords>,
                                      nullptr};
const WinogradKernels* KernelsS16() { return &kKernels; }
const WinogradKernels* DotKernelsS16() { return &kDotKernels; }

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lamina::kernels::cpu {

const WinogradKernels& winograd_s16_kernels(Isa isa, bool vnni) {
  return vnni ? *LAMINA_TARGET(isa, DotKernelsS16)() : *LAMINA_TARGET(isa, KernelsS16)();
}

LargestBitsKernel* largest_bits_kernel(Isa isa) { return LAMINA_TARGET(isa, LargestBits); }

}  // namespace lamina::kernels::cpu
#endif
