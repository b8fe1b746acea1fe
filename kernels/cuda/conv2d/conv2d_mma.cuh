// The tile's product by tensor cores: each warp has kWM x kWN outputs.
#pragma once

#include "kernels/cuda/block_reduce.cuh"
#include "kernels/cuda/conv2d/conv2d_ffma.cuh"
#include "kernels/cuda/ptx/mma.cuh"

namespace lamina::kernels::cuda {

/// Two vectors of a row, 32 bytes, are one step: 16 of k in 16-bit numbers, 8 in tf32, and in both
/// ldmatrix puts them where mma wants them. T: Tf32, __half or __nv_bfloat16.
template <typename T, int kM, int kN, int kWarpM, int kWarpN>
class MmaMath {
 public:
  using Element = T;
  static constexpr int kWM = kWarpM, kWN = kWarpN;
  static constexpr int kWarpsM = kM / kWM, kWarpsN = kN / kWN;
  static constexpr int kThreads = kWarpsM * kWarpsN * kWarpLanes;
  static constexpr int kDepth = kTileDepthBytes / static_cast<int>(sizeof(T));
  static constexpr int kMmaM = kWM / 16, kMmaN = kWN / 8;
  static constexpr int kSums = kMmaM * kMmaN * 4;
  static constexpr int kWidth = 2;
  static constexpr bool kPools = true;

  __device__ MmaMath()
      : lane_(static_cast<int>(threadIdx.x) % kWarpLanes),
        row0_(static_cast<int>(threadIdx.x) / kWarpLanes / kWarpsN * kWM),
        column0_(static_cast<int>(threadIdx.x) / kWarpLanes % kWarpsN * kWN) {}

  __device__ void multiply(SharedPtr<T> stage, float (&sums)[kSums]) const {
    const SharedPtr<T> weights = stage + kM * kDepth;
    LAMINA_UNROLL
    for (int v = 0; v < kRowVectors; v += 2) {
      unsigned a[kMmaM][4], b[kMmaN / 2][4];
      // Matrices of 8 rows: rows 0-7 and 8-15 of the first vector, then of the second.
      LAMINA_UNROLL
      for (int i = 0; i < kMmaM; ++i) {
        const int row = row0_ + i * 16 + lane_ % 16;
        ldmatrix_x4(a[i], stage + swizzled<T>(row, v + lane_ / 16));
      }
      // Channels 0-7 of both vectors, then channels 8-15.
      LAMINA_UNROLL
      for (int j = 0; j < kMmaN / 2; ++j) {
        const int row = column0_ + j * 16 + lane_ / 16 * 8 + lane_ % 8;
        ldmatrix_x4(b[j], weights + swizzled<T>(row, v + lane_ / 8 % 2));
      }
      LAMINA_UNROLL
      for (int i = 0; i < kMmaM; ++i) {
        LAMINA_UNROLL
        for (int j = 0; j < kMmaN; ++j) {
          const unsigned pair[2] = {b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]};
          product(i, j, a[i], pair, sums);
        }
      }
    }
  }

  template <typename F>
  __device__ void for_each(const float (&sums)[kSums], F&& f) const {
    LAMINA_UNROLL
    for (int i = 0; i < kMmaM; ++i) {
      LAMINA_UNROLL
      for (int j = 0; j < kMmaN; ++j) {
        LAMINA_UNROLL
        for (int half = 0; half < 2; ++half) {
          const int at = (i * kMmaN + j) * 4 + half * 2;
          const float values[kWidth] = {sums[at], sums[at + 1]};
          f(row(i, half), column(j), values);
        }
      }
    }
  }

  // A window's four rows lie in lanes whose numbers differ in bits 2 and 3.
  template <typename F>
  __device__ void for_each_window(const float (&sums)[kSums], F&& f) const {
    LAMINA_UNROLL
    for (int i = 0; i < kMmaM; ++i) {
      LAMINA_UNROLL
      for (int j = 0; j < kMmaN; ++j) {
        LAMINA_UNROLL
        for (int half = 0; half < 2; ++half) {
          float values[kWidth];
          LAMINA_UNROLL
          for (int e = 0; e < kWidth; ++e) {
            float value = sums[(i * kMmaN + j) * 4 + half * 2 + e];
            value = larger_or_nan(value, __shfl_xor_sync(kAllLanes, value, 4));
            values[e] = larger_or_nan(value, __shfl_xor_sync(kAllLanes, value, 8));
          }
          if (row(i, half) % 4 == 0) f(row(i, half), column(j), values);
        }
      }
    }
  }

 private:
  __device__ int row(int i, int half) const { return row0_ + i * 16 + half * 8 + lane_ / 4; }
  __device__ int column(int j) const { return column0_ + j * 8 + lane_ % 4 * 2; }

  __device__ static void product(int i, int j, const unsigned (&a)[4], const unsigned (&b)[2],
                                 float (&sums)[kSums]) {
    float d[4];
    LAMINA_UNROLL
    for (int e = 0; e < 4; ++e) d[e] = sums[(i * kMmaN + j) * 4 + e];
    if constexpr (sizeof(T) == 4) {
      mma_m16n8k8_tf32(d, a, b);
    } else {
      mma_m16n8k16<T>(d, a, b);
    }
    LAMINA_UNROLL
    for (int e = 0; e < 4; ++e) sums[(i * kMmaN + j) * 4 + e] = d[e];
  }

  int lane_, row0_, column0_;
};

}  // namespace lamina::kernels::cuda
