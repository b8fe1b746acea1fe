// How a block's tiles of pixels and weights come into shared memory.
//
// A tile has rows of 64 bytes, four vectors. Vector v of row r lies at v ^ (r / 2 % 4): then the
// eight rows that ldmatrix reads at one v, and the eight lanes of a 16-byte load, touch all 32
// banks once. Two rows fill 128 bytes, hence r / 2.
#pragma once

#include "kernels/cuda/conv2d/conv2d_shape.h"
#include "kernels/cuda/element.cuh"
#include "kernels/cuda/ptx/cp_async.cuh"

namespace lamina::kernels::cuda {

inline constexpr int kRowVectors = kTileDepthBytes / kVectorBytes;

/// Where vector v of row r lies in a tile, in elements.
template <typename T>
__device__ __forceinline__ int swizzled(int row, int vector) {
  constexpr int kCount = Vector<T>::kCount;
  return (row * kRowVectors + (vector ^ (row / 2 % kRowVectors))) * kCount;
}

/// Where an output pixel's window begins in the input.
struct PixelWindow {
  int image;   // element of its image's first channel of the group
  int iy, ix;  // of tap (0, 0); far outside for a row beyond the last
};

/// Row m of the product: pixels in order, or, where the result is pooled, window by window with
/// four neighbouring rows for each.
__device__ __forceinline__ PixelWindow window_of(const ConvShape& s, int m, int group) {
  constexpr int kFarOutside = -(1 << 30);
  if (!in_bounds(m < s.m)) return {0, kFarOutside, kFarOutside};
  int image, oy, ox;
  if (s.pooled) {
    const int columns = s.ow / 2, pixel = m / 4;
    image = pixel / (columns * (s.oh / 2));
    oy = pixel / columns % (s.oh / 2) * 2 + m / 2 % 2;
    ox = pixel % columns * 2 + m % 2;
  } else {
    image = m / (s.ow * s.oh);
    oy = m / s.ow % s.oh;
    ox = m % s.ow;
  }
  return {image * s.h * s.w * s.c + group * s.c_group, oy * s.stride_h - s.pad_h,
          ox * s.stride_w - s.pad_w};
}

/// A position along k.
struct Tap {
  int r, s, c;

  __device__ __forceinline__ static Tap at(const ConvShape& shape, int k) {
    const int tap = k / shape.c_group;
    return {tap / shape.kw, tap % shape.kw, k % shape.c_group};
  }
  /// Only steps forward; a step may cross several taps.
  __device__ __forceinline__ void advance(const ConvShape& shape, int distance) {
    c += distance;
    while (c >= shape.c_group) {
      c -= shape.c_group;
      if (++s == shape.kw) {
        s = 0;
        ++r;
      }
    }
  }
};

/// The element of the input that row `window` has at a tap, or -1 where there is only padding.
__device__ __forceinline__ int input_at(const ConvShape& shape, const PixelWindow& window,
                                        const Tap& tap) {
  const int iy = window.iy + tap.r * shape.dilation_h, ix = window.ix + tap.s * shape.dilation_w;
  const bool inside = in_bounds(iy >= 0 && iy < shape.h && ix >= 0 && ix < shape.w);
  return inside ? window.image + (iy * shape.w + ix) * shape.c + tap.c : -1;
}

/// One thread's share of loading a tile of kM pixels and kN channels: always the same vector of its
/// rows, so that it keeps one position along k. kVectors: 16 bytes at a time by cp.async; otherwise
/// element by element, for any number of channels.
template <typename T, int kM, int kN, int kThreads, bool kVectors>
class TileLoader {
 public:
  static constexpr int kDepth = kTileDepthBytes / static_cast<int>(sizeof(T));
  static constexpr int kElements = (kM + kN) * kDepth;  // of a stage

  __device__ TileLoader(const ConvShape& shape, GlobalPtr<const T> input, GlobalPtr<const T> weight,
                        int m0, int n0, int group, int first_tile)
      : shape_(shape),
        input_(input),
        weight_(weight),
        vector_(static_cast<int>(threadIdx.x) % kRowVectors),
        row_(static_cast<int>(threadIdx.x) / kRowVectors),
        n0_(n0),
        group_(group),
        k_(first_tile * kDepth + vector_ * Vector<T>::kCount) {
    LAMINA_UNROLL
    for (int i = 0; i < kRowsM; ++i) windows_[i] = window_of(shape, m0 + row_ + i * kStride, group);
    tap_ = Tap::at(shape, k_);
  }

  /// Loads the tile at the current depth, and steps on.
  __device__ void load(SharedPtr<T> stage) {
    LAMINA_UNROLL
    for (int i = 0; i < kRowsM; ++i) {
      const int row = row_ + i * kStride;
      if (kM % kStride == 0 || in_bounds(row < kM)) {
        load_pixels(stage + swizzled<T>(row, vector_), windows_[i]);
      }
    }
    LAMINA_UNROLL
    for (int i = 0; i < kRowsN; ++i) {
      const int row = row_ + i * kStride;
      load_weights(stage + (kM * kDepth + swizzled<T>(row, vector_)), n0_ + row);
    }
    k_ += kDepth;
    if (kVectors) tap_.advance(shape_, kDepth);
  }

 private:
  static constexpr int kCount = Vector<T>::kCount;
  static constexpr int kStride = kThreads / kRowVectors;  // rows loaded at once
  static constexpr int kRowsM = (kM + kStride - 1) / kStride;
  static constexpr int kRowsN = kN / kStride;
  static_assert(kN % kStride == 0);

  // Weights beyond k are zeros, but a zero does not undo a pixel that is infinite or not a number.
  __device__ void load_pixels(SharedPtr<T> to, const PixelWindow& window) {
    if constexpr (kVectors) {
      const int at = input_at(shape_, window, tap_);
      const bool valid = in_bounds(k_ < shape_.k) && at >= 0;
      cp_async<kVectorBytes>(to, input_ + (valid ? at : 0), valid);
    } else {
      for (int j = 0; j < kCount; ++j) {
        const bool deep_enough = in_bounds(k_ + j < shape_.k);
        const int at = deep_enough ? input_at(shape_, window, Tap::at(shape_, k_ + j)) : -1;
        to[j] = at >= 0 ? element_at(input_, at) : from_float<T>(0.0f);
      }
    }
  }

  __device__ void load_weights(SharedPtr<T> to, int n) {
    const bool is_channel = in_bounds(n < shape_.c_out_group);
    const int at = (group_ * shape_.c_out_group + n) * shape_.k + k_;
    if constexpr (kVectors) {
      const bool valid = is_channel && in_bounds(k_ < shape_.k);
      cp_async<kVectorBytes>(to, weight_ + (valid ? at : 0), valid);
    } else {
      for (int j = 0; j < kCount; ++j) {
        const bool valid = is_channel && in_bounds(k_ + j < shape_.k);
        to[j] = valid ? element_at(weight_, at + j) : from_float<T>(0.0f);
      }
    }
  }

  __device__ static T element_at(GlobalPtr<const T> from, int i) {
    const T value = from[i];
    return value;
  }

  const ConvShape& shape_;
  GlobalPtr<const T> input_, weight_;
  int vector_, row_, n0_, group_, k_;
  Tap tap_;
  PixelWindow windows_[kRowsM];
};

}  // namespace lamina::kernels::cuda
