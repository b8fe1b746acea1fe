// Tensor cores of sm_80 on: 16-bit and tf32 products of one warp, and the loads that feed them.
//
// A lane's part of each matrix, with g = lane / 4 and t = lane % 4 (PTX ISA, "Matrix Fragments"):
//   m16n8k16, 16 bit:  a[0] row g, k 2t..2t+1;  a[1] row g+8;  a[2], a[3] the same with k + 8
//                      b[0] column g, k 2t..2t+1;  b[1] with k + 8
//   m16n8k8, tf32:     a[0] row g, k t;  a[1] row g+8;  a[2], a[3] the same with k + 4
//                      b[0] column g, k t;  b[1] with k + 4
//   sums of both:      d[0], d[1] row g, columns 2t, 2t+1;  d[2], d[3] row g+8
#pragma once

#include "kernels/cuda/language.cuh"

#ifdef LAMINA_CUDA_EMULATED
#include "kernels/cuda/emulator/mma.h"
#else

#include <type_traits>

namespace lamina::kernels::cuda {

/// Four matrices of 8 rows of 16 bytes: lane i gives the address of row i % 8 of matrix i / 8, and
/// receives in r[j] the 4 bytes of matrix j that lie in row lane / 4 at 4 * (lane % 4).
template <typename T>
__device__ __forceinline__ void ldmatrix_x4(unsigned (&r)[4], SharedPtr<T> row) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
}

/// d += a * b on matrices of __half or __nv_bfloat16; sums are float32.
template <typename T>
__device__ __forceinline__ void mma_m16n8k16(float (&d)[4], const unsigned (&a)[4],
                                             const unsigned (&b)[2]) {
  if constexpr (std::is_same_v<T, __half>) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  } else {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
}

/// The same on tf32: float32 bits as to_tf32() leaves them.
__device__ __forceinline__ void mma_m16n8k8_tf32(float (&d)[4], const unsigned (&a)[4],
                                                 const unsigned (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

}  // namespace lamina::kernels::cuda

#endif
