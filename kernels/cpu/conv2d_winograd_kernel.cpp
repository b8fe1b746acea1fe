// The three stages of a Winograd convolution, one source for every vector width.
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv2d_winograd_kernel.cpp"
#include "kernels/cpu/conv2d_winograd.h"

#include <hwy/foreach_target.h>
#include "kernels/cpu/load_part-inl.h"
#include "kernels/cpu/max_or_nan-inl.h"
#include "kernels/cpu/register_tile-inl.h"
#include "kernels/cpu/winograd_transform-inl.h"

#include <limits>

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {

namespace {

constexpr std::int64_t kLine = 16;  // floats

// None of these reads: an address outside of what exists is as good as any.
HWY_INLINE void FetchL1(const float* from) { __builtin_prefetch(from, 0, 3); }
HWY_INLINE void FetchL2(const float* from) { __builtin_prefetch(from, 0, 2); }
HWY_INLINE void FetchToWrite(float* target) { __builtin_prefetch(target, 1, 3); }

// Where a tile lies.
struct TilePlace {
  std::int64_t b, y, x;  // image; first output row and column

  TilePlace(const WinogradConv& conv, std::int64_t tile)
      : b(tile / (conv.tiles_y * conv.tiles_x)),
        y(tile / conv.tiles_x % conv.tiles_y * conv.m),
        x(tile % conv.tiles_x * conv.m) {}
};

// pixels[row * kA + col]: the channels of an input pixel of the tile, or zeros in the padding.
template <int kA>
void PointPixels(const WinogradConv& conv, const TilePlace& place, const float** pixels) {
  const Conv2dProblem& p = conv.problem;
  const float* image = conv.input + place.b * p.h * p.w * p.c_in;
  for (int row = 0; row < kA; ++row) {
    const std::int64_t y = place.y - p.pad_h + row;
    const bool inside_y = y >= 0 && y < p.h;
    for (int col = 0; col < kA; ++col) {
      const std::int64_t x = place.x - p.pad_w + col;
      const bool inside = inside_y && x >= 0 && x < p.w;
      *pixels++ = inside ? image + (y * p.w + x) * p.c_in : conv.zeros;
    }
  }
}

// B^T d B of one vector of channels.
template <int kM, typename Loader>
HWY_INLINE void TransformInputVector(const Loader& load, float* v, std::int64_t position_stride) {
  constexpr int kA = Winograd<kM>::kA;
  const D d;
  V half[kA][kA];
  for (int row = 0; row < kA; ++row) {
    V x[kA];
    for (int col = 0; col < kA; ++col) x[col] = load(row * kA + col);
    Winograd<kM>::Input(d, x, half[row]);
  }
  for (int col = 0; col < kA; ++col) {
    V x[kA], y[kA];
    for (int row = 0; row < kA; ++row) x[row] = half[row][col];
    Winograd<kM>::Input(d, x, y);
    for (int row = 0; row < kA; ++row) {
      hn::Store(y[row], d, v + (row * kA + col) * position_stride);
    }
  }
}

// How far ahead of the channels at work the input is fetched: 64 streams are too many for the
// processor's own prefetcher. With those of the output below 2 to 3 % of VGG16 (Zen 3, 2026).
constexpr std::int64_t kAhead = 4 * kLine;

// A line of channels of each pixel from `c` on, which may be the next tile's.
template <int kA>
HWY_INLINE void FetchChannels(const float* const* pixels, const float* const* next, std::int64_t c,
                              std::int64_t c_in) {
  const float* const* from = c < c_in ? pixels : next;
  const std::int64_t offset = c < c_in ? c : c - c_in;
  if (offset >= c_in) return;  // fewer channels than that
  for (int i = 0; i < kA * kA; ++i) FetchL1(from[i] + offset);
}

template <int kM>
void TransformInput(const WinogradConv& conv, TileRange tiles, float* v,
                    std::int64_t position_stride) {
  constexpr int kA = Winograd<kM>::kA;
  const std::int64_t c_in = conv.problem.c_in;
  const float* pixels_of[2][kA * kA];  // of this tile and the next one
  PointPixels<kA>(conv, TilePlace(conv, tiles.begin), pixels_of[0]);
  for (std::int64_t tile = tiles.begin; tile < tiles.end; ++tile, v += conv.c_stride) {
    const float** const pixels = pixels_of[(tile - tiles.begin) % 2];
    const float** const next = pixels_of[(tile - tiles.begin + 1) % 2];
    PointPixels<kA>(conv, TilePlace(conv, tile + 1 < tiles.end ? tile + 1 : tile), next);
    std::int64_t c = 0;
    for (; c + kLanes <= c_in; c += kLanes) {
      if (c % kLine == 0) FetchChannels<kA>(pixels, next, c + kAhead, c_in);
      TransformInputVector<kM>([&](int i) { return hn::LoadU(D(), pixels[i] + c); }, v + c,
                               position_stride);
    }
    if (c < c_in) {
      TransformInputVector<kM>([&](int i) { return LoadPart(pixels[i] + c, c_in - c); }, v + c,
                               position_stride);
    }
  }
}

// What rows of V by a panel need to know.
struct RowBlock {
  const float* u;  // [c][kBlockN]
  std::int64_t c, c_stride;
  const float* next_u;  // the part of the panel to come that these rows fetch:
  int lines;            // so many lines with a line's worth of channels
};

// kRows rows of V by a panel. Each output's terms are added one by one in the order of channels.
template <int kRows>
HWY_INLINE void MultiplyRows(const RowBlock& block, const float* v, float* m) {
  const D d;
  V acc[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int i = 0; i < kVectors; ++i) acc[r][i] = hn::Zero(d);
  }
  const float* HWY_RESTRICT u = block.u;
  const float* row[kRows];
  for (int r = 0; r < kRows; ++r) row[r] = v + r * block.c_stride;
  const auto step = [&](std::int64_t c, const float* HWY_RESTRICT weights) HWY_ATTR {
    V weight[kVectors];
    for (int i = 0; i < kVectors; ++i) weight[i] = hn::Load(d, weights + i * kLanes);
    for (int r = 0; r < kRows; ++r) {
      const V x = hn::Set(d, row[r][c]);
      for (int i = 0; i < kVectors; ++i) acc[r][i] = hn::MulAdd(x, weight[i], acc[r][i]);
    }
  };
  const std::int64_t next_rows = kRows * block.c_stride;
  const float* next_u = block.next_u;
  std::int64_t c = 0;
  for (; c + kLine <= block.c; c += kLine, u += kLine * kBlockN) {
    for (int r = 0; r < kRows; ++r) FetchL1(row[r] + next_rows + c);
    for (int i = 0; i < block.lines; ++i) FetchL2(next_u + i * kLine);
    next_u += block.lines * kLine;
    HWY_UNROLL(16)
    for (int i = 0; i < kLine; ++i) step(c + i, u + i * kBlockN);
  }
  for (; c < block.c; ++c, u += kBlockN) step(c, u);
  for (int r = 0; r < kRows; ++r) {
    for (int i = 0; i < kVectors; ++i) hn::Store(acc[r][i], d, m + r * kBlockN + i * kLanes);
  }
}

template <int kRows>
HWY_INLINE void MultiplyUpTo(const RowBlock& block, std::int64_t rows, const float* v, float* m) {
  if (rows == kRows) return MultiplyRows<kRows>(block, v, m);
  if constexpr (kRows > 1) MultiplyUpTo<kRows - 1>(block, rows, v, m);
}

// The next panel arrives while the first four blocks of rows, or all where there are fewer, are at
// work: at an even pace, since memory is what some layers wait for.
int QuartersToFetch(std::int64_t block, std::int64_t blocks) {
  if (blocks < 3) return blocks == 1 ? 4 : 2;
  if (blocks == 3) return block == 0 ? 2 : 1;
  return block < 4 ? 1 : 0;
}

}  // namespace

// Rows are cut evenly: 16 as 6 + 5 + 5, since a tile of 4 has too few sums to hide the latency.
void WinogradMultiply(const WinogradProduct& p) {
  const std::int64_t blocks = (p.count + kBlockM - 1) / kBlockM;
  const std::int64_t rows = p.count / blocks, larger = p.count % blocks;
  const float* v = p.v;
  float* m = p.m;
  RowBlock block{.u = p.u, .c = p.c, .c_stride = p.c_stride, .next_u = p.next_u, .lines = 0};
  for (std::int64_t i = 0; i < blocks; ++i) {
    const std::int64_t count = rows + (i < larger ? 1 : 0);
    block.lines = kBlockN / 4 * QuartersToFetch(i, blocks);
    MultiplyUpTo<kBlockM>(block, count, v, m);
    v += count * p.c_stride;
    m += count * kBlockN;
    block.next_u += p.c / kLine * block.lines * kLine;
  }
}

namespace {

// Where a tile's output goes, and what happens to it on the way.
struct OutputTile {
  float* output = nullptr;      // the tile's first pixel, the vector's first channel
  std::int64_t row_stride = 0;  // floats, of the output
  std::int64_t pixel_stride = 0;
  std::int64_t rows = 0, cols = 0;  // that exist, pooled ones where pooled
  std::int64_t channels = 0;        // that exist: up to kLanes
};

// A row of results after the bias; `floor` is 0 for ReLU, else minus infinity.
template <int kCols, bool kWhole>
HWY_INLINE void StoreRow(const OutputTile& tile, int row, const V (&y)[kCols], V bias, V floor) {
  const D d;
  float* target = tile.output + row * tile.row_stride;
  for (int col = 0; col < kCols; ++col, target += tile.pixel_stride) {
    V value = hn::Add(y[col], bias);
    value = hn::IfThenElse(hn::Lt(value, floor), floor, value);  // NaN stays
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
                           V bias, V floor) {
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
      StoreRow<kM / 2, kWhole>(tile, row, largest, bias, floor);
    }
  } else {
    for (int row = 0; row < kM; ++row) {
      if (!kWhole && row >= tile.rows) return;
      V y[kM];
      Winograd<kM>::Output(d, half[row], y);
      StoreRow<kM, kWhole>(tile, row, y, bias, floor);
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
  const V floor = hn::Set(d, p.relu ? 0.0f : -std::numeric_limits<float>::infinity());
  OutputTile target;
  target.row_stride = ow * p.c_out;
  target.pixel_stride = p.c_out;
  for (std::int64_t tile = tiles.begin; tile < tiles.end; ++tile, m += kBlockN) {
    const TilePlace place(conv, tile);
    const std::int64_t y = kPool ? place.y / 2 : place.y, x = kPool ? place.x / 2 : place.x;
    target.rows = oh - y;
    target.cols = ow - x;
    float* output = conv.output + ((place.b * oh + y) * ow + x) * p.c_out + k;
    FetchTile<kM, kSide>(m + kBlockN, position_stride, output, target);
    for (int i = 0; i * kLanes < channels; ++i) {
      target.output = output + i * kLanes;
      target.channels = channels - i * kLanes < kLanes ? channels - i * kLanes : kLanes;
      const bool whole = target.rows >= kSide && target.cols >= kSide && target.channels == kLanes;
      const V b = hn::Load(d, bias + i * kLanes);
      whole ? TransformOutputVector<kM, kPool, true>(m + i * kLanes, position_stride, target, b,
                                                     floor)
            : TransformOutputVector<kM, kPool, false>(m + i * kLanes, position_stride, target, b,
                                                      floor);
    }
  }
}

template <int kM>
void TransformOutput(const WinogradConv& conv, TileRange tiles, std::int64_t panel, const float* m,
                     std::int64_t position_stride) {
  conv.problem.max_pool_2x2 ? TransformOutputAs<kM, true>(conv, tiles, panel, m, position_stride)
                            : TransformOutputAs<kM, false>(conv, tiles, panel, m, position_stride);
}

constexpr WinogradKernels kKernels4{TransformInput<4>, WinogradMultiply, TransformOutput<4>};
constexpr WinogradKernels kKernels6{TransformInput<6>, WinogradMultiply, TransformOutput<6>};

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
