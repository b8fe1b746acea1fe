// Winograd's one-dimensional transforms on vectors, each lane a channel. Included once for each
// target, inside HWY_NAMESPACE's file.
//
// F(4, 3) interpolates at 0, +-1, +-2 and infinity, F(6, 3) also at +-1/2. The matrices are those
// of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), written out with
// common terms shared: rows for +x and -x are an even part plus and minus an odd part. Weights are
// transformed in double, so that U is rounded once.
#if defined(LAMINA_KERNELS_CPU_WINOGRAD_TRANSFORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LAMINA_KERNELS_CPU_WINOGRAD_TRANSFORM_INL_H_
#undef LAMINA_KERNELS_CPU_WINOGRAD_TRANSFORM_INL_H_
#else
#define LAMINA_KERNELS_CPU_WINOGRAD_TRANSFORM_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {

template <int kM>
struct Winograd;

template <>
struct Winograd<4> {
  static constexpr int kA = 6;

  template <class D, class V>
  static HWY_INLINE void Input(D d, const V (&x)[6], V (&y)[6]) {
    namespace hn = hwy::HWY_NAMESPACE;
    const V four = hn::Set(d, 4.0f), five = hn::Set(d, 5.0f), two = hn::Set(d, 2.0f);
    const V even1 = hn::NegMulAdd(four, x[2], x[4]), odd1 = hn::NegMulAdd(four, x[1], x[3]);
    const V even2 = hn::Sub(x[4], x[2]), odd2 = hn::Mul(two, hn::Sub(x[3], x[1]));
    y[0] = hn::MulAdd(four, x[0], hn::NegMulAdd(five, x[2], x[4]));
    y[1] = hn::Add(even1, odd1);
    y[2] = hn::Sub(even1, odd1);
    y[3] = hn::Add(even2, odd2);
    y[4] = hn::Sub(even2, odd2);
    y[5] = hn::MulAdd(four, x[1], hn::NegMulAdd(five, x[3], x[5]));
  }

  template <class D, class V>
  static HWY_INLINE void Output(D d, const V (&x)[6], V (&y)[4]) {
    namespace hn = hwy::HWY_NAMESPACE;
    const V two = hn::Set(d, 2.0f), four = hn::Set(d, 4.0f), eight = hn::Set(d, 8.0f);
    const V even1 = hn::Add(x[1], x[2]), odd1 = hn::Sub(x[1], x[2]);
    const V even2 = hn::Add(x[3], x[4]), odd2 = hn::Sub(x[3], x[4]);
    y[0] = hn::Add(hn::Add(x[0], even1), even2);
    y[1] = hn::MulAdd(two, odd2, odd1);
    y[2] = hn::MulAdd(four, even2, even1);
    y[3] = hn::Add(hn::MulAdd(eight, odd2, odd1), x[5]);
  }

  template <class D, class V>
  static HWY_INLINE void Weight(D d, const V (&x)[3], V (&y)[6]) {
    namespace hn = hwy::HWY_NAMESPACE;
    const V six = hn::Set(d, 6.0), twenty_four = hn::Set(d, 24.0), two = hn::Set(d, 2.0);
    const V even1 = hn::Add(x[0], x[2]), even2 = hn::MulAdd(hn::Set(d, 4.0), x[2], x[0]);
    y[0] = hn::Mul(hn::Set(d, 0.25), x[0]);
    y[1] = hn::Neg(hn::Div(hn::Add(even1, x[1]), six));
    y[2] = hn::Neg(hn::Div(hn::Sub(even1, x[1]), six));
    y[3] = hn::Div(hn::MulAdd(two, x[1], even2), twenty_four);
    y[4] = hn::Div(hn::NegMulAdd(two, x[1], even2), twenty_four);
    y[5] = x[2];
  }
};

template <>
struct Winograd<6> {
  static constexpr int kA = 8;

  template <class D, class V>
  static HWY_INLINE void Input(D d, const V (&x)[8], V (&y)[8]) {
    namespace hn = hwy::HWY_NAMESPACE;
    const V c21_4 = hn::Set(d, 5.25f), c17_4 = hn::Set(d, 4.25f), c5_4 = hn::Set(d, 1.25f);
    const V c5_2 = hn::Set(d, 2.5f), quarter = hn::Set(d, 0.25f), half = hn::Set(d, 0.5f);
    const V two = hn::Set(d, 2.0f), four = hn::Set(d, 4.0f), five = hn::Set(d, 5.0f);
    y[0] = hn::MulAdd(c21_4, hn::Sub(x[4], x[2]), hn::Sub(x[0], x[6]));
    y[7] = hn::MulAdd(c21_4, hn::Sub(x[3], x[5]), hn::Sub(x[7], x[1]));
    const V even1 = hn::NegMulAdd(c17_4, x[4], hn::Add(x[2], x[6]));
    const V odd1 = hn::NegMulAdd(c17_4, x[3], hn::Add(x[1], x[5]));
    y[1] = hn::Add(even1, odd1);
    y[2] = hn::Sub(even1, odd1);
    const V even2 = hn::MulAdd(quarter, x[2], hn::NegMulAdd(c5_4, x[4], x[6]));
    const V odd2 = hn::MulAdd(half, x[1], hn::NegMulAdd(c5_2, x[3], hn::Mul(two, x[5])));
    y[3] = hn::Add(even2, odd2);
    y[4] = hn::Sub(even2, odd2);
    const V even3 = hn::MulAdd(four, x[2], hn::NegMulAdd(five, x[4], x[6]));
    const V odd3 = hn::MulAdd(two, x[1], hn::NegMulAdd(c5_2, x[3], hn::Mul(half, x[5])));
    y[5] = hn::Add(even3, odd3);
    y[6] = hn::Sub(even3, odd3);
  }

  template <class D, class V>
  static HWY_INLINE void Output(D d, const V (&x)[8], V (&y)[6]) {
    namespace hn = hwy::HWY_NAMESPACE;
    const V two = hn::Set(d, 2.0f), four = hn::Set(d, 4.0f), eight = hn::Set(d, 8.0f);
    const V c16 = hn::Set(d, 16.0f), c32 = hn::Set(d, 32.0f);
    const V even1 = hn::Add(x[1], x[2]), odd1 = hn::Sub(x[1], x[2]);
    const V even2 = hn::Add(x[3], x[4]), odd2 = hn::Sub(x[3], x[4]);
    const V even3 = hn::Add(x[5], x[6]), odd3 = hn::Sub(x[5], x[6]);
    y[0] = hn::Add(hn::Add(x[0], even1), hn::MulAdd(c32, even3, even2));
    y[1] = hn::MulAdd(two, odd2, hn::MulAdd(c16, odd3, odd1));
    y[2] = hn::MulAdd(four, even2, hn::MulAdd(eight, even3, even1));
    y[3] = hn::MulAdd(eight, odd2, hn::MulAdd(four, odd3, odd1));
    y[4] = hn::MulAdd(c16, even2, hn::MulAdd(two, even3, even1));
    y[5] = hn::Add(hn::Add(x[7], odd1), hn::MulAdd(c32, odd2, odd3));
  }

  template <class D, class V>
  static HWY_INLINE void Weight(D d, const V (&x)[3], V (&y)[8]) {
    namespace hn = hwy::HWY_NAMESPACE;
    const V c2_9 = hn::Set(d, -2.0 / 9), ninetieth = hn::Set(d, 1.0 / 90);
    const V c180th = hn::Set(d, 1.0 / 180), two = hn::Set(d, 2.0), four = hn::Set(d, 4.0);
    const V even1 = hn::Add(x[0], x[2]);
    const V even2 = hn::MulAdd(four, x[2], x[0]), even3 = hn::MulAdd(four, x[0], x[2]);
    y[0] = x[0];
    y[1] = hn::Mul(c2_9, hn::Add(even1, x[1]));
    y[2] = hn::Mul(c2_9, hn::Sub(even1, x[1]));
    y[3] = hn::Mul(ninetieth, hn::MulAdd(two, x[1], even2));
    y[4] = hn::Mul(ninetieth, hn::NegMulAdd(two, x[1], even2));
    y[5] = hn::Mul(c180th, hn::MulAdd(two, x[1], even3));
    y[6] = hn::Mul(c180th, hn::NegMulAdd(two, x[1], even3));
    y[7] = x[2];
  }
};

// B^T d: load(row * kA + col) gives a pixel of d.
template <int kM, class D, class V, typename Loader>
HWY_INLINE void InputRows(D d, const Loader& load, V (&half)[Winograd<kM>::kA][Winograd<kM>::kA]) {
  constexpr int kA = Winograd<kM>::kA;
  for (int row = 0; row < kA; ++row) {
    V x[kA];
    for (int col = 0; col < kA; ++col) x[col] = load(row * kA + col);
    Winograd<kM>::Input(d, x, half[row]);
  }
}

// A column of (B^T d) B.
template <int kM, class D, class V>
HWY_INLINE void InputColumn(D d, const V (&half)[Winograd<kM>::kA][Winograd<kM>::kA], int col,
                            V (&y)[Winograd<kM>::kA]) {
  constexpr int kA = Winograd<kM>::kA;
  V x[kA];
  for (int row = 0; row < kA; ++row) x[row] = half[row][col];
  Winograd<kM>::Input(d, x, y);
}

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
