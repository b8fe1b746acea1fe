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

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {
namespace {

using D32 = hn::RebindToSigned<D>;
using V32 = hn::Vec<D32>;

// x86 has an instruction that multiplies 16-bit numbers and adds neighbours; elsewhere, and where
// a vector is one lane, halves of words are taken apart. NEON's pairs are not neighbours, and four
// products each: a word would take two of its instructions, as it takes two here.
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
using D16 = hn::Repartition<std::int16_t, D>;
using Pairs = hn::Vec<D16>;
// Of the lower halves of two vectors.
HWY_INLINE Pairs MakePairs(V32 first, V32 second) {
  const D16 d;
  return hn::OddEven(hn::BitCast(d, hn::ShiftLeft<16>(second)), hn::BitCast(d, first));
}
HWY_INLINE V32 ToWords(Pairs pairs) { return hn::BitCast(D32(), pairs); }
HWY_INLINE V32 AddProducts(V32 x, V32 weight, V32 sum) {
  const D16 d;
  V32 unused = hn::Zero(D32());
  sum =
      hn::ReorderWidenMulAccumulate(D32(), hn::BitCast(d, x), hn::BitCast(d, weight), sum, unused);
  // Sums of whole numbers may be taken in any order, and GCC would rather keep a hundred products
  // on the stack and add them as a tree: it must not know what this sum is.
  asm("" : "+x"(sum.raw));
  return sum;
}
#else
struct Pairs {
  V32 first, second;
};
HWY_INLINE V32 LowerOf(V32 words) { return hn::ShiftRight<16>(hn::ShiftLeft<16>(words)); }
HWY_INLINE Pairs MakePairs(V32 first, V32 second) { return {LowerOf(first), LowerOf(second)}; }
HWY_INLINE V32 ToWords(const Pairs& pairs) {
  const V32 low = hn::And(pairs.first, hn::Set(D32(), 0xffff));
  return hn::Or(low, hn::ShiftLeft<16>(pairs.second));
}
HWY_INLINE V32 AddProducts(V32 x, V32 weight, V32 sum) {
  sum = hn::Add(sum, hn::Mul(LowerOf(x), LowerOf(weight)));
  return hn::Add(sum, hn::Mul(hn::ShiftRight<16>(x), hn::ShiftRight<16>(weight)));
}
#endif

struct PairWords {
  using Sum = V32;
  static HWY_INLINE Sum Zero() { return hn::Zero(D32()); }
  static HWY_INLINE V32 Load(const float* words) {
    return hn::BitCast(D32(), hn::Load(D(), words));
  }
  static HWY_INLINE V32 Broadcast(const float* word) {
    return hn::BitCast(D32(), hn::Set(D(), *word));
  }
  static HWY_INLINE Sum Add(V32 x, V32 weight, Sum sum) { return AddProducts(x, weight, sum); }
  static HWY_INLINE V ToFloat(Sum sum, const float* scale) {
    return hn::Mul(hn::ConvertTo(D(), sum), hn::LoadU(D(), scale));
  }
};

// AVX512-VNNI adds the products to the sum in the same instruction. It wraps around where the sum
// does, so the bits are the same. Written out, since Highway's target that has it is compiled with
// much else that a processor must then have.
struct DotWords : PairWords {
  static HWY_INLINE Sum Add(V32 x, V32 weight, Sum sum) {
#if HWY_TARGET == HWY_AVX3
    asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(weight.raw));
    return sum;
#else
    return PairWords::Add(x, weight, sum);
#endif
  }
};

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

// B^T d B of 2 * kLanes channels, whose floats load(pixel, half) gives.
template <typename Loader>
HWY_INLINE void TransformPairs(const Loader& load, V inverse, float* v,
                               std::int64_t position_stride) {
  // Added to a number that leaves no digits for a fraction, a value is rounded, and is then the
  // lower half of the sum's bits: one operation where a conversion and its overflows take seven.
  const V no_fraction = hn::Set(D(), 12582912.0f);  // 1.5 * 2^23
  const auto whole = [&](int pixel, int part) HWY_ATTR {
    return hn::BitCast(D32(), hn::MulAdd(load(pixel, part), inverse, no_fraction));
  };
  Pairs half[kA][kA];
  for (int row = 0; row < kA; ++row) {
    Pairs x[kA];
    for (int col = 0; col < kA; ++col) {
      x[col] = MakePairs(whole(row * kA + col, 0), whole(row * kA + col, 1));
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

// A vector of a pixel's channels from `c` on, those past the last being zero.
HWY_INLINE V LoadChannels(const float* pixel, std::int64_t c, std::int64_t c_in) {
  if (c + kLanes <= c_in) return hn::LoadU(D(), pixel + c);
  return c < c_in ? LoadPart(pixel + c, c_in - c) : hn::Zero(D());
}

void TransformInput(const WinogradConv& conv, TileRange tiles, float* v,
                    std::int64_t position_stride) {
  const std::int64_t c_in = conv.problem.c_in;
  const float* pixels_of[2][kA * kA];  // of this tile and the next one
  PointPixels<kA>(conv, TilePlace(conv, tiles.begin), pixels_of[0]);
  for (std::int64_t tile = tiles.begin; tile < tiles.end; ++tile, v += conv.v_stride) {
    const float** const pixels = pixels_of[(tile - tiles.begin) % 2];
    const float** const next = pixels_of[(tile - tiles.begin + 1) % 2];
    PointPixels<kA>(conv, TilePlace(conv, tile + 1 < tiles.end ? tile + 1 : tile), next);
    const float scale = conv.image_scale[TilePlace(conv, tile).b];
    const V inverse = hn::Set(D(), scale > 0 ? 1 / scale : 0.0f);
    for (std::int64_t c = 0; c < c_in; c += 2 * kLanes) {
      FetchChannels<kA>(pixels, next, c + kAhead, c_in);
      float* const words = v + c / 2;
      if (c + 2 * kLanes <= c_in) {
        TransformPairs(
            [&](int i, int part) { return hn::LoadU(D(), pixels[i] + c + part * kLanes); }, inverse,
            words, position_stride);
      } else {
        TransformPairs(
            [&](int i, int part) { return LoadChannels(pixels[i], c + part * kLanes, c_in); },
            inverse, words, position_stride);
      }
    }
  }
}

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

constexpr WinogradKernels kKernels{TransformInput, MultiplyWords<PairWords>, nullptr};
constexpr WinogradKernels kDotKernels{TransformInput, MultiplyWords<DotWords>, nullptr};
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
