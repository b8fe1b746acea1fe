// Words of two whole numbers of 16 bits, and the sums of their products. Compiled once a target.
#if defined(LAMINA_KERNELS_CPU_WINOGRAD_WORDS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LAMINA_KERNELS_CPU_WINOGRAD_WORDS_INL_H_
#undef LAMINA_KERNELS_CPU_WINOGRAD_WORDS_INL_H_
#else
#define LAMINA_KERNELS_CPU_WINOGRAD_WORDS_INL_H_
#endif

#include "kernels/cpu/conv2d_winograd.h"

#include <hwy/highway.h>
#include "kernels/cpu/load_part-inl.h"
#include "kernels/cpu/register_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {

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
  static constexpr std::int64_t kWordsOfSum = 0;
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

// VNNI adds the products to the sum in the same instruction. It wraps around where the sum does, so
// the bits are the same. Written out, since Highway's targets that have it are compiled with much
// else that a processor must then have. Without {vex} an assembler takes AVX-512's encoding.
struct DotWords : PairWords {
  static HWY_INLINE Sum Add(V32 x, V32 weight, Sum sum) {
#if HWY_TARGET == HWY_AVX3
    asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(x.raw), "v"(weight.raw));
    return sum;
#elif HWY_TARGET == HWY_AVX2
    asm("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sum.raw) : "x"(x.raw), "x"(weight.raw));
    return sum;
#else
    return PairWords::Add(x, weight, sum);
#endif
  }
};

// A vector of a pixel's channels from `c` on, those past the last being zero.
HWY_INLINE V LoadChannels(const float* pixel, std::int64_t c, std::int64_t c_in) {
  if (c + kLanes <= c_in) return hn::LoadU(D(), pixel + c);
  return c < c_in ? LoadPart(pixel + c, c_in - c) : hn::Zero(D());
}

// Added to a number that leaves no digits for a fraction, a value is rounded, and is then the lower
// half of the sum's bits: one operation where a conversion and its overflows take seven.
HWY_INLINE V32 RoundedProduct(V value, V factor) {
  return hn::BitCast(D32(), hn::MulAdd(value, factor, hn::Set(D(), 12582912.0f)));  // 1.5 * 2^23
}

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
