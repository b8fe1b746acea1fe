// The three stages of a Winograd convolution, one source for every vector width.
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv2d_winograd_kernel.cpp"
#include "kernels/cpu/conv2d_winograd.h"

#include <hwy/foreach_target.h>
#include "kernels/cpu/fetch-inl.h"
#include "kernels/cpu/load_part-inl.h"
#include "kernels/cpu/max_or_nan-inl.h"
#include "kernels/cpu/register_tile-inl.h"
#include "kernels/cpu/winograd_product-inl.h"
#include "kernels/cpu/winograd_tiles-inl.h"
#include "kernels/cpu/winograd_transform-inl.h"

#include <limits>

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {

namespace {

// B^T d B of one vector of channels.
template <int kM, typename Loader>
HWY_INLINE void TransformInputVector(const Loader& load, float* v, std::int64_t position_stride) {
  constexpr int kA = Winograd<kM>::kA;
  const D d;
  V half[kA][kA];
  InputRows<kM>(d, load, half);
  for (int col = 0; col < kA; ++col) {
    V y[kA];
    InputColumn<kM>(d, half, col, y);
    for (int row = 0; row < kA; ++row) {
      hn::Store(y[row], d, v + (row * kA + col) * position_stride);
    }
  }
}

template <int kM>
void TransformInput(const WinogradConv& conv, TileRange tiles, float* v,
                    std::int64_t position_stride) {
  constexpr int kA = Winograd<kM>::kA;
  const std::int64_t c_in = conv.problem.c_in;
  const auto transform = [&](std::int64_t, const float* const* pixels, const float* const* next,
                             float* words) HWY_ATTR {
    std::int64_t c = 0;
    for (; c + kLanes <= c_in; c += kLanes) {
      if (c % kLine == 0) FetchChannels<kA>(pixels, next, c + kAhead, c_in);
      TransformInputVector<kM>([&](int i) HWY_ATTR { return hn::LoadU(D(), pixels[i] + c); },
                               words + c, position_stride);
    }
    if (c < c_in) {
      TransformInputVector<kM>([&](int i) HWY_ATTR { return LoadPart(pixels[i] + c, c_in - c); },
                               words + c, position_stride);
    }
  };
  ForEachTile<kA>(conv, tiles, v, transform);
}

// Where a tile's output goes, and what happens to it on the way.
struct OutputTile {
  float* output = nullptr;      // the tile's first pixel, the vector's first channel
  std::int64_t row_stride = 0;  // floats, of the output
  std::int64_t pixel_stride = 0;
  std::int64_t rows = 0, cols = 0;  // that exist, pooled ones where pooled
  std::int64_t channels = 0;        // that exist: up to kLanes
};

// What is done to each value on its way out; `floor` is 0 for ReLU, else minus infinity.
struct Finish {
  V scale, bias, floor;
};

// A row of results.
template <int kCols, bool kWhole>
HWY_INLINE void StoreRow(const OutputTile& tile, int row, const V (&y)[kCols],
                         const Finish& finish) {
  const D d;
  float* target = tile.output + row * tile.row_stride;
  for (int col = 0; col < kCols; ++col, target += tile.pixel_stride) {
    V value = hn::MulAdd(y[col], finish.scale, finish.bias);
    value = hn::IfThenElse(hn::Lt(value, finish.floor), finish.floor, value);  // NaN stays
    if (kWhole) {
      hn::StoreU(value, d, target);
      continue;
    }
    if (col >= tile.cols) return;
    HWY_ALIGN float part[kLanes];
    hn::Store(value, d, part);
    for (std::int64_t i = 0; i < tile.channels; ++i) target[i] = part[i];
  }
}

// A^T M A of one vector of channels, row by row: the largest of 2x2, bias and ReLU, and out.
template <int kM, bool kPool, bool kWhole>
void TransformOutputVector(const float* m, std::int64_t position_stride, const OutputTile& tile,
                           const Finish& finish) {
  constexpr int kA = Winograd<kM>::kA;
  const D d;
  V half[kM][kA];
  for (int col = 0; col < kA; ++col) {
    V x[kA], z[kM];
    for (int row = 0; row < kA; ++row) x[row] = hn::Load(d, m + (row * kA + col) * position_stride);
    Winograd<kM>::Output(d, x, z);
    for (int row = 0; row < kM; ++row) half[row][col] = z[row];
  }
  if constexpr (kPool) {
    for (int row = 0; row < kM / 2; ++row) {
      if (!kWhole && row >= tile.rows) return;
      V top[kM], bottom[kM], largest[kM / 2];
      Winograd<kM>::Output(d, half[2 * row], top);
      Winograd<kM>::Output(d, half[2 * row + 1], bottom);
      for (int i = 0; i < kM; ++i) top[i] = MaxOrNaN(top[i], bottom[i]);
      for (int i = 0; i < kM / 2; ++i) largest[i] = MaxOrNaN(top[2 * i], top[2 * i + 1]);
      StoreRow<kM / 2, kWhole>(tile, row, largest, finish);
    }
  } else {
    for (int row = 0; row < kM; ++row) {
      if (!kWhole && row >= tile.rows) return;
      V y[kM];
      Winograd<kM>::Output(d, half[row], y);
      StoreRow<kM, kWhole>(tile, row, y, finish);
    }
  }
}

// The next tile's products, and the lines that this one's outputs go to.
template <int kM, int kSide>
HWY_INLINE void FetchTile(const float* next_m, std::int64_t position_stride, float* output,
                          const OutputTile& tile) {
  constexpr int kPositions = (kM + 2) * (kM + 2);
  for (int i = 0; i < kPositions; ++i) FetchL1(next_m + i * position_stride);
  if (tile.rows < kSide || tile.cols < kSide) return;
  for (int row = 0; row < kSide; ++row) {
    for (int col = 0; col < kSide; ++col) {
      FetchToWrite(output + row * tile.row_stride + col * tile.pixel_stride);
    }
  }
}

template <int kM, bool kPool>
void TransformOutputAs(const WinogradConv& conv, TileRange tiles, std::int64_t panel,
                       const float* m, std::int64_t position_stride) {
  const D d;
  const Conv2dProblem& p = conv.problem;
  constexpr int kSide = kPool ? kM / 2 : kM;
  const std::int64_t oh = kPool ? p.oh() / 2 : p.oh(), ow = kPool ? p.ow() / 2 : p.ow();
  const std::int64_t k = panel * kBlockN;
  const std::int64_t channels = p.c_out - k < kBlockN ? p.c_out - k : kBlockN;
  HWY_ALIGN float bias[kBlockN] = {};
  if (conv.bias != nullptr) {
    for (int i = 0; i < channels; ++i) bias[i] = conv.bias[k + i];
  }
  Finish finish;
  finish.floor = hn::Set(d, p.relu ? 0.0f : -std::numeric_limits<float>::infinity());
  OutputTile target;
  target.row_stride = ow * p.c_out;
  target.pixel_stride = p.c_out;
  for (std::int64_t tile = tiles.begin; tile < tiles.end; ++tile, m += kBlockN) {
    const TilePlace place(conv, tile);
    const std::int64_t y = kPool ? place.y / 2 : place.y, x = kPool ? place.x / 2 : place.x;
    // 1 leaves the bits of the sum alone.
    finish.scale = hn::Set(d, conv.tile_scale != nullptr ? conv.tile_scale[tile] : 1.0f);
    target.rows = oh - y;
    target.cols = ow - x;
    float* output = conv.output + ((place.b * oh + y) * ow + x) * p.c_out + k;
    FetchTile<kM, kSide>(m + kBlockN, position_stride, output, target);
    for (int i = 0; i * kLanes < channels; ++i) {
      target.output = output + i * kLanes;
      target.channels = channels - i * kLanes < kLanes ? channels - i * kLanes : kLanes;
      const bool whole = target.rows >= kSide && target.cols >= kSide && target.channels == kLanes;
      finish.bias = hn::Load(d, bias + i * kLanes);
      whole
          ? TransformOutputVector<kM, kPool, true>(m + i * kLanes, position_stride, target, finish)
          : TransformOutputVector<kM, kPool, false>(m + i * kLanes, position_stride, target,
                                                    finish);
    }
  }
}

template <int kM>
void TransformOutput(const WinogradConv& conv, TileRange tiles, std::int64_t panel, const float* m,
                     std::int64_t position_stride) {
  conv.problem.max_pool_2x2 ? TransformOutputAs<kM, true>(conv, tiles, panel, m, position_stride)
                            : TransformOutputAs<kM, false>(conv, tiles, panel, m, position_stride);
}

constexpr WinogradKernels kKernels4{TransformInput<4>, MultiplyWords<FloatWords>,
                                    TransformOutput<4>};
constexpr WinogradKernels kKernels6{TransformInput<6>, MultiplyWords<FloatWords>,
                                    TransformOutput<6>};

}  // namespace

const WinogradKernels* Kernels4() { return &kKernels4; }
const WinogradKernels* Kernels6() { return &kKernels6; }

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lamina::kernels::cpu {

RegisterTile winograd_tile(Isa isa) { return *LAMINA_TARGET(isa, kRegisterTile); }

const WinogradKernels& winograd_kernels(Isa isa, int m) {
  return m == 4 ? *LAMINA_TARGET(isa, Kernels4)() : *LAMINA_TARGET(isa, Kernels6)();
}

}  // namespace lamina::kernels::cpu
#endif
