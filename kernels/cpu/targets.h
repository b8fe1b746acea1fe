// Which of Highway's targets our kernels are compiled for, and the choice among them. A kernel file
// includes this first, then hwy/foreach_target.h.
//
// Highway has a chosen target of its own, global to the process. It is not used: a plan names its
// instruction set, so that one process can run the same kernel at several levels (the tests do),
// and LAMINA_ISA caps all of them in one place.
#pragma once

#include "core/cpu_features.h"

// SSSE3 and SSE4 machines without AVX2 are too old to be worth a copy of each kernel, and nothing
// here gains by what AVX3_DL adds to AVX3. Arm has NEON alone: an SVE vector has no size when it is
// compiled, and the register tiles are arrays of vectors.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)

// Tells Highway that there is nothing to choose at run time on Arm. Else it compiles NEON with AES,
// which some machines lack, by a pragma that GCC does not apply to constructors nobody wrote: a
// struct of vectors then does not compile. x86 does not look at it.
#define TOOLCHAIN_MISS_SYS_AUXV_H

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
