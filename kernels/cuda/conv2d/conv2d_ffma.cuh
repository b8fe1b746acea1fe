// The tile's product by float32 multiply-adds: each thread has kTM x kTN outputs.
#pragma once

#include "kernels/cuda/conv2d/conv2d_finish.cuh"
#include "kernels/cuda/conv2d/conv2d_loader.cuh"

namespace lamina::kernels::cuda {

/// Four depths are read at a time, 16 bytes of each row: kTN + 1 loads for 4 * kTN products a row,
/// with the weights kept in registers. A warp's lanes differ in their column first, so they read
/// neighbouring weight rows (all banks) and one or two pixel rows (broadcast).
template <int kM, int kN, int kThreadM, int kThreadN>
class FfmaMath {
 public:
  using Element = float;
  static constexpr int kTM = kThreadM, kTN = kThreadN;
  static constexpr int kColumns = kN / kTN, kRows = kM / kTM, kThreads = kColumns * kRows;
  static constexpr int kDepth = kTileDepthBytes / 4;
  static constexpr int kSums = kTM * kTN;
  static constexpr int kWidth = 1;  // neighbouring channels that for_each hands out at once
  static constexpr bool kPools = kTM % 4 == 0;

  __device__ FfmaMath()
      : column_(static_cast<int>(threadIdx.x) % kColumns),
        row_(static_cast<int>(threadIdx.x) / kColumns) {}

  /// sums += pixels * weights of one tile of depth; k rises within each sum.
  __device__ void multiply(SharedPtr<float> stage, float (&sums)[kSums]) const {
    const SharedPtr<float> weights = stage + kM * kDepth;
    LAMINA_KEEP_LOOP
    for (int v = 0; v < kRowVectors; ++v) {
      float4 b[kTN];
      LAMINA_UNROLL
      for (int j = 0; j < kTN; ++j) {
        b[j] = pointer_cast<const float4>(weights + swizzled<float>(column(j), v))[0];
      }
      LAMINA_UNROLL
      for (int i = 0; i < kTM; ++i) {
        const float4 a = pointer_cast<const float4>(stage + swizzled<float>(row(i), v))[0];
        LAMINA_UNROLL
        for (int j = 0; j < kTN; ++j) {
          float& sum = sums[i * kTN + j];
          sum = fmaf(a.x, b[j].x, sum);
          sum = fmaf(a.y, b[j].y, sum);
          sum = fmaf(a.z, b[j].z, sum);
          sum = fmaf(a.w, b[j].w, sum);
        }
      }
    }
  }

  /// f(row, column, value) for each of this thread's outputs.
  template <typename F>
  __device__ void for_each(const float (&sums)[kSums], F&& f) const {
    LAMINA_UNROLL
    for (int i = 0; i < kTM; ++i) {
      LAMINA_UNROLL
      for (int j = 0; j < kTN; ++j) {
        const float value[kWidth] = {sums[i * kTN + j]};
        f(row(i), column(j), value);
      }
    }
  }

  /// f(first row of the window, column, largest of four rows).
  template <typename F>
  __device__ void for_each_window(const float (&sums)[kSums], F&& f) const {
    LAMINA_UNROLL
    for (int i = 0; i + 4 <= kTM; i += 4) {
      LAMINA_UNROLL
      for (int j = 0; j < kTN; ++j) {
        const float top = larger_or_nan(sums[i * kTN + j], sums[(i + 1) * kTN + j]);
        const float bottom = larger_or_nan(sums[(i + 2) * kTN + j], sums[(i + 3) * kTN + j]);
        const float value[kWidth] = {larger_or_nan(top, bottom)};
        f(row(i), column(j), value);
      }
    }
  }

 private:
  // Four rows in a row where there are four: a pooling window.
  static constexpr int kRun = kPools ? 4 : 1;

  __device__ int row(int i) const { return i / kRun * kRun * kRows + row_ * kRun + i % kRun; }
  __device__ int column(int j) const { return column_ + j * kColumns; }

  int column_, row_;
};

}  // namespace lamina::kernels::cuda
