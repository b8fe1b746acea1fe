// wgmma: products of a warpgroup's 128 threads, whose operands lie in shared memory (sm_90a).
//
// d += a * b: a [64][k] and b [kN][k] are 32 bytes along k, of tiles whose rows are 128 bytes,
// swizzled as bulk_copy.cuh says. T: Tf32, __half, __nv_bfloat16 or E4m3. A thread's part of d,
// with g = lane / 4 and t = lane % 4:
//   d[4j], d[4j + 1]      row 16 * warp + g, columns 8j + 2t, 8j + 2t + 1
//   d[4j + 2], d[4j + 3]  row 16 * warp + g + 8, the same columns
// (PTX ISA, "Asynchronous Warpgroup Level Matrix Instructions").
//
//   wgmma_fence(d);                                // before the first product that uses d
//   for (int k = 0; k < 4; ++k) wgmma<T>(d, matrix_at(a, k), matrix_at(b, k), true);
//   wgmma_commit(); wgmma_wait<0>(d);              // now d may be looked at, and a and b rewritten
#pragma once

#include "kernels/cuda/element.cuh"
#include "kernels/cuda/ptx/mbarrier.cuh"

namespace lamina::kernels::cuda {

/// Of k in one product.
inline constexpr int kWgmmaBytes = 32;

/// What names a matrix to the tensor cores: its address in shared memory, 1,024 bytes from 8 rows
/// to the next 8, swizzled over 128 bytes.
__device__ __forceinline__ std::uint64_t matrix_descriptor(std::uint64_t address) {
  return (address & 0x3ffff) >> 4 | std::uint64_t{1} << 16 | std::uint64_t{1024 >> 4} << 32 |
         std::uint64_t{1} << 62;
}

}  // namespace lamina::kernels::cuda

#ifdef LAMINA_CUDA_EMULATED
#include "kernels/cuda/emulator/wgmma.h"
#else

#include <type_traits>

namespace lamina::kernels::cuda {

/// Whether the code is compiled for a device that has all this; elsewhere kernels are empty.
#if defined(__CUDA_ARCH__) && !defined(__CUDA_ARCH_FEAT_SM90_ALL)
inline constexpr bool kHasWgmma = false;
#else
inline constexpr bool kHasWgmma = true;
#endif

/// The descriptor of bytes [32 * k, 32 * k + 32) of the rows of a tile that begins at a multiple of
/// 1,024 bytes.
template <typename T>
__device__ __forceinline__ std::uint64_t matrix_at(SharedPtr<T> tile, int k) {
  return matrix_descriptor(shared_address(tile) + kWgmmaBytes * k);
}

/// The sums are registers that the tensor cores write: no access to them moves past this place.
template <int kSums>
__device__ __forceinline__ void hold(float (&d)[kSums]) {
  LAMINA_UNROLL
  for (int i = 0; i < kSums; ++i) asm volatile("" : "+f"(d[i])::"memory");
}

template <int kSums>
__device__ __forceinline__ void wgmma_fence(float (&d)[kSums]) {
  hold(d);
  asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory");
}

__device__ __forceinline__ void wgmma_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory");
}

/// All of the warpgroup's groups of products but the newest are done.
template <int kNewest, int kSums>
__device__ __forceinline__ void wgmma_wait(float (&d)[kSums]) {
  asm volatile("wgmma.wait_group.sync.aligned %0;\n" ::"n"(kNewest) : "memory");
  hold(d);
}

#define LAMINA_WGMMA_8(DEPTH, TYPE, TAIL)                               \
  asm volatile(                                                         \
      "{\n.reg .pred adds;\nsetp.ne.b32 adds, %6, 0;\n"                 \
      "wgmma.mma_async.sync.aligned.m64n8k" DEPTH ".f32." TYPE "." TYPE \
      " {"                                                              \
      "%0, %1, %2, %3}, "                                               \
      "%4, %5, adds, 1, 1" TAIL ";\n}\n"                                \
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                  \
      : "l"(a), "l"(b), "r"(static_cast<int>(adds)))

#define LAMINA_WGMMA_16(DEPTH, TYPE, TAIL)                                                  \
  asm volatile(                                                                             \
      "{\n.reg .pred adds;\nsetp.ne.b32 adds, %10, 0;\n"                                    \
      "wgmma.mma_async.sync.aligned.m64n16k" DEPTH ".f32." TYPE "." TYPE                    \
      " {"                                                                                  \
      "%0, %1, %2, %3, %4, %5, %6, %7}, "                                                   \
      "%8, %9, adds, 1, 1" TAIL ";\n}\n"                                                    \
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), \
        "+f"(d[7])                                                                          \
      : "l"(a), "l"(b), "r"(static_cast<int>(adds)))

#define LAMINA_WGMMA_32(DEPTH, TYPE, TAIL)                                                      \
  asm volatile(                                                                                 \
      "{\n.reg .pred adds;\nsetp.ne.b32 adds, %18, 0;\n"                                        \
      "wgmma.mma_async.sync.aligned.m64n32k" DEPTH ".f32." TYPE "." TYPE                        \
      " {"                                                                                      \
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, "                 \
      "%16, %17, adds, 1, 1" TAIL ";\n}\n"                                                      \
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]),     \
        "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), \
        "+f"(d[14]), "+f"(d[15])                                                                \
      : "l"(a), "l"(b), "r"(static_cast<int>(adds)))

#define LAMINA_WGMMA_64(DEPTH, TYPE, TAIL)                                                         \
  asm volatile(                                                                                    \
      "{\n.reg .pred adds;\nsetp.ne.b32 adds, %34, 0;\n"                                           \
      "wgmma.mma_async.sync.aligned.m64n64k" DEPTH ".f32." TYPE "." TYPE                           \
      " {"                                                                                         \
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                     \
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "          \
      "%32, %33, adds, 1, 1" TAIL ";\n}\n"                                                         \
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]),        \
        "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]),    \
        "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), \
        "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), \
        "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31])                                         \
      : "l"(a), "l"(b), "r"(static_cast<int>(adds)))

#define LAMINA_WGMMA_128(DEPTH, TYPE, TAIL)                                                        \
  asm volatile(                                                                                    \
      "{\n.reg .pred adds;\nsetp.ne.b32 adds, %66, 0;\n"                                           \
      "wgmma.mma_async.sync.aligned.m64n128k" DEPTH ".f32." TYPE "." TYPE                          \
      " {"                                                                                         \
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                     \
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "           \
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "           \
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "          \
      "%64, %65, adds, 1, 1" TAIL ";\n}\n"                                                         \
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]),        \
        "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]),    \
        "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), \
        "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), \
        "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]), "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), \
        "+f"(d[35]), "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39]), "+f"(d[40]), "+f"(d[41]), \
        "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47]), "+f"(d[48]), \
        "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), "+f"(d[54]), "+f"(d[55]), \
        "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), \
        "+f"(d[63])                                                                                \
      : "l"(a), "l"(b), "r"(static_cast<int>(adds)))

#define LAMINA_WGMMA_256(DEPTH, TYPE, TAIL)                                                        \
  asm volatile(                                                                                    \
      "{\n.reg .pred adds;\nsetp.ne.b32 adds, %130, 0;\n"                                          \
      "wgmma.mma_async.sync.aligned.m64n256k" DEPTH ".f32." TYPE "." TYPE                          \
      " {"                                                                                         \
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                     \
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "           \
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "           \
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "           \
      "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "           \
      "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "           \
      "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, "     \
      "%111, "                                                                                     \
      "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, " \
      "%127}, "                                                                                    \
      "%128, %129, adds, 1, 1" TAIL ";\n}\n"                                                       \
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]),        \
        "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]),    \
        "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), \
        "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), \
        "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]), "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), \
        "+f"(d[35]), "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39]), "+f"(d[40]), "+f"(d[41]), \
        "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47]), "+f"(d[48]), \
        "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), "+f"(d[54]), "+f"(d[55]), \
        "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), \
        "+f"(d[63]), "+f"(d[64]), "+f"(d[65]), "+f"(d[66]), "+f"(d[67]), "+f"(d[68]), "+f"(d[69]), \
        "+f"(d[70]), "+f"(d[71]), "+f"(d[72]), "+f"(d[73]), "+f"(d[74]), "+f"(d[75]), "+f"(d[76]), \
        "+f"(d[77]), "+f"(d[78]), "+f"(d[79]), "+f"(d[80]), "+f"(d[81]), "+f"(d[82]), "+f"(d[83]), \
        "+f"(d[84]), "+f"(d[85]), "+f"(d[86]), "+f"(d[87]), "+f"(d[88]), "+f"(d[89]), "+f"(d[90]), \
        "+f"(d[91]), "+f"(d[92]), "+f"(d[93]), "+f"(d[94]), "+f"(d[95]), "+f"(d[96]), "+f"(d[97]), \
        "+f"(d[98]), "+f"(d[99]), "+f"(d[100]), "+f"(d[101]), "+f"(d[102]), "+f"(d[103]),          \
        "+f"(d[104]), "+f"(d[105]), "+f"(d[106]), "+f"(d[107]), "+f"(d[108]), "+f"(d[109]),        \
        "+f"(d[110]), "+f"(d[111]), "+f"(d[112]), "+f"(d[113]), "+f"(d[114]), "+f"(d[115]),        \
        "+f"(d[116]), "+f"(d[117]), "+f"(d[118]), "+f"(d[119]), "+f"(d[120]), "+f"(d[121]),        \
        "+f"(d[122]), "+f"(d[123]), "+f"(d[124]), "+f"(d[125]), "+f"(d[126]), "+f"(d[127])         \
      : "l"(a), "l"(b), "r"(static_cast<int>(adds)))

// Only 16-bit operands could be transposed, and say that they are not.
#define LAMINA_WGMMA(SIZE)                                 \
  if constexpr (std::is_same_v<T, __half>) {               \
    LAMINA_WGMMA_##SIZE("16", "f16", ", 0, 0");            \
  } else if constexpr (std::is_same_v<T, __nv_bfloat16>) { \
    LAMINA_WGMMA_##SIZE("16", "bf16", ", 0, 0");           \
  } else if constexpr (std::is_same_v<T, Tf32>) {          \
    LAMINA_WGMMA_##SIZE("8", "tf32", "");                  \
  } else {                                                 \
    static_assert(std::is_same_v<T, E4m3>);                \
    LAMINA_WGMMA_##SIZE("32", "e4m3", "");                 \
  }

/// Where !adds: d = a * b.
template <typename T, int kSums>
__device__ __forceinline__ void wgmma(float (&d)[kSums], std::uint64_t a, std::uint64_t b,
                                      bool adds) {
  static_assert(kSums == 4 || kSums == 8 || kSums == 16 || kSums == 32 || kSums == 64 ||
                kSums == 128);
  if constexpr (kSums == 4) {
    LAMINA_WGMMA(8)
  } else if constexpr (kSums == 8) {
    LAMINA_WGMMA(16)
  } else if constexpr (kSums == 16) {
    LAMINA_WGMMA(32)
  } else if constexpr (kSums == 32) {
    LAMINA_WGMMA(64)
  } else if constexpr (kSums == 64) {
    LAMINA_WGMMA(128)
  } else {
    LAMINA_WGMMA(256)
  }
}

#undef LAMINA_WGMMA
#undef LAMINA_WGMMA_8
#undef LAMINA_WGMMA_16
#undef LAMINA_WGMMA_32
#undef LAMINA_WGMMA_64
#undef LAMINA_WGMMA_128
#undef LAMINA_WGMMA_256

/// Each thread of the warpgroup has so many registers from here on: a warpgroup that needs few
/// gives the others more. Multiples of 8.
template <int kCount>
__device__ __forceinline__ void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;\n" ::"n"(kCount));
}
template <int kCount>
__device__ __forceinline__ void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;\n" ::"n"(kCount));
}

}  // namespace lamina::kernels::cuda

#endif
