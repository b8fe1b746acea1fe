// Which of Highway's targets our kernels are compiled for, and the choice among them. A kernel file
// includes this first, then hwy/foreach_target.h.
//
// Highway has a chosen target of its own, global to the process. It is not used: a plan names its
// instruction set, so that one process can run the same kernel at several levels (the tests do),
// and LAMINA_ISA caps all of them in one place.
#pragma once

#include "core/cpu_features.h"

// SSSE3 and SSE4 machines without AVX2 are too old to be worth a copy of each kernel, and nothing
// here gains by what AVX3_DL adds to AVX3.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)

namespace lamina::kernels::cpu {

template <typename F>
constexpr F* choose_target(Isa isa, F* baseline, F* avx2, F* avx512) {
  if (isa >= Isa::avx512 && avx512 != nullptr) return avx512;
  if (isa >= Isa::avx2 && avx2 != nullptr) return avx2;
  return baseline;
}

}  // namespace lamina::kernels::cpu

/// The copy of `function` for an Isa; in the HWY_ONCE part of a kernel file. A target that is not
/// compiled (on Arm, all but the baseline) is a null pointer, which choose_target passes over.
#define LAMINA_TARGET(isa, function)                                              \
  ::lamina::kernels::cpu::choose_target<decltype(HWY_STATIC_DISPATCH(function))>( \
      isa, &HWY_STATIC_DISPATCH(function), HWY_CHOOSE_AVX2(function), HWY_CHOOSE_AVX3(function))
