// The register tile of the indirect convolution, one source for every vector width.
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv2d_indirect_gemm_kernel.cpp"
#include "kernels/cpu/conv2d_indirect_gemm.h"

#include <hwy/foreach_target.h>
#include "kernels/cpu/fetch-inl.h"
#include "kernels/cpu/register_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {

namespace {

// What one tile multiplies, and where the products go.
struct Tile {
  const float* const* rows;  // [taps][kBlockM]
  std::int64_t taps;
  std::int64_t channels;  // of one tap: c_in / groups
  const float* panel;     // [taps][channels][block_n]
  const float* bias;      // [block_n], or nullptr
  float* output;          // of the first pixel and channel
  std::int64_t output_stride;
  int pixels;        // to store: [1, kBlockM]
  int channels_out;  // to store: [1, block_n]
  bool relu;
};

template <int kWidth>  // in vectors
HWY_INLINE void StoreTile(const Tile& tile, const V (&acc)[kBlockM][kWidth]) {
  const D d;
  const bool whole = tile.channels_out == kWidth * kLanes;
  HWY_ALIGN float bias[kWidth * kLanes] = {};
  if (tile.bias != nullptr) {
    for (int k = 0; k < tile.channels_out; ++k) bias[k] = tile.bias[k];
  }
  HWY_ALIGN float partial[kWidth * kLanes];
  for (int m = 0; m < kBlockM; ++m) {
    if (m == tile.pixels) return;
    float* output = tile.output + m * tile.output_stride;
    float* target = whole ? output : partial;
    for (int v = 0; v < kWidth; ++v) {
      V sum = hn::Add(acc[m][v], hn::Load(d, bias + v * kLanes));
      if (tile.relu) sum = hn::IfThenZeroElse(hn::Lt(sum, hn::Zero(d)), sum);  // NaN stays
      hn::StoreU(sum, d, target + v * kLanes);
    }
    if (!whole) {
      for (int k = 0; k < tile.channels_out; ++k) output[k] = partial[k];
    }
  }
}

// Each output's terms are added one by one in the order of the packed panel, whatever tile it is
// in: hence the same bits in any batch and on any threads.
template <int kWidth>  // in vectors
void MultiplyTile(const Tile& tile) {
  const D d;
  V acc[kBlockM][kWidth];
  for (int m = 0; m < kBlockM; ++m) {
    for (int v = 0; v < kWidth; ++v) acc[m][v] = hn::Zero(d);
  }
  // The first layer writes far more than it reads, and multiplies for a moment only: what it writes
  // to is fetched meanwhile (Zen 5, November 2026: 0.68 ms for VGG16's, not 0.80).
  for (int m = 0; m < tile.pixels; ++m) {
    for (int v = 0; v < kWidth; ++v) {
      FetchToWrite(tile.output + m * tile.output_stride + v * kLanes);
    }
  }
  const float* HWY_RESTRICT panel = tile.panel;
  const float* const* rows = tile.rows;
  for (std::int64_t tap = 0; tap < tile.taps; ++tap, rows += kBlockM) {
    const float* row[kBlockM];
    for (int m = 0; m < kBlockM; ++m) row[m] = rows[m];
    for (std::int64_t c = 0; c < tile.channels; ++c, panel += kWidth * kLanes) {
      V weight[kWidth];
      for (int v = 0; v < kWidth; ++v) {
        weight[v] = hn::Load(d, panel + v * kLanes);
      }
      for (int m = 0; m < kBlockM; ++m) {
        const V x = hn::Set(d, row[m][c]);
        for (int v = 0; v < kWidth; ++v) acc[m][v] = hn::MulAdd(x, weight[v], acc[m][v]);
      }
    }
  }
  StoreTile<kWidth>(tile, acc);
}

// Steps through the output pixels in memory order.
struct Pixel {
  std::int64_t b = 0, y = 0, x = 0;

  Pixel() = default;
  Pixel(std::int64_t index, std::int64_t oh, std::int64_t ow)
      : b(index / (oh * ow)), y(index / ow % oh), x(index % ow) {}

  void advance(std::int64_t oh, std::int64_t ow) {
    if (++x < ow) return;
    x = 0;
    if (++y < oh) return;
    y = 0;
    ++b;
  }
};

// In NHWC the taps of a kernel's row lie side by side, so where none is in the padding they are one
// tap of kw times as many channels: a third of the pointers, and a loop three times as long, which
// is what a picture's three channels need.
bool TapsOfRowsAreOne(const Conv2dProblem& p, const Pixel& pixel) {
  const std::int64_t x = pixel.x * p.stride_w - p.pad_w;
  return p.groups == 1 && p.dilation_w == 1 && x >= 0 && x + p.kw <= p.w;
}

// rows[tap * kBlockM + m]: the channels that tap of pixel m reads; only the first tap of each row
// of the kernel where `one`.
void PointRow(const IndirectConv& conv, std::int64_t group, const Pixel& pixel, bool one,
              const float** rows) {
  const Conv2dProblem& p = conv.problem;
  const float* image = conv.input + pixel.b * p.h * p.w * p.c_in + group * (p.c_in / p.groups);
  for (std::int64_t r = 0; r < p.kh; ++r) {
    const std::int64_t y = pixel.y * p.stride_h - p.pad_h + r * p.dilation_h;
    const bool inside_y = y >= 0 && y < p.h;
    for (std::int64_t s = 0; s < (one ? 1 : p.kw); ++s, rows += kBlockM) {
      const std::int64_t x = pixel.x * p.stride_w - p.pad_w + s * p.dilation_w;
      const bool inside = inside_y && x >= 0 && x < p.w;
      *rows = inside ? image + (y * p.w + x) * p.c_in : conv.zeros;
    }
  }
}

}  // namespace

void IndirectGemm(const IndirectConv& conv, const IndirectRange& range) {
  const Conv2dProblem& p = conv.problem;
  const std::int64_t oh = p.oh(), ow = p.ow();
  const std::int64_t group_c_in = p.c_in / p.groups, group_c_out = p.c_out / p.groups;
  const std::int64_t panels = (group_c_out + conv.block_n - 1) / conv.block_n;
  const std::int64_t panel_size = p.kh * p.kw * group_c_in * conv.block_n;

  const float* rows[kMaxTaps * kBlockM];
  Pixel next(range.pixel_begin, oh, ow);
  for (std::int64_t m0 = range.pixel_begin; m0 < range.pixel_end; m0 += kBlockM) {
    Pixel pixels[kBlockM] = {};
    bool one = true;
    for (int m = 0; m < kBlockM; ++m) {
      pixels[m] = next;
      one = one && TapsOfRowsAreOne(p, next);
      if (m0 + m + 1 < range.pixel_end) next.advance(oh, ow);
    }
    for (int m = 0; m < kBlockM; ++m) PointRow(conv, range.group, pixels[m], one, rows + m);
    for (std::int64_t panel = range.panel_begin; panel < range.panel_end; ++panel) {
      const std::int64_t k = range.group * group_c_out + panel * conv.block_n;
      const std::int64_t k_left = group_c_out - panel * conv.block_n;
      const std::int64_t m_left = range.pixel_end - m0;
      const Tile tile{
          .rows = rows,
          .taps = one ? p.kh : p.kh * p.kw,
          .channels = one ? p.kw * group_c_in : group_c_in,
          .panel = conv.packed + (range.group * panels + panel) * panel_size,
          .bias = conv.bias != nullptr ? conv.bias + k : nullptr,
          .output = conv.output + m0 * p.c_out + k,
          .output_stride = p.c_out,
          .pixels = m_left < kBlockM ? static_cast<int>(m_left) : kBlockM,
          .channels_out = k_left < conv.block_n ? static_cast<int>(k_left) : conv.block_n,
          .relu = p.relu};
      conv.block_n == kLanes ? MultiplyTile<1>(tile) : MultiplyTile<kVectors>(tile);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lamina::kernels::cpu {

RegisterTile indirect_gemm_tile(Isa isa) { return *LAMINA_TARGET(isa, kRegisterTile); }

IndirectGemmKernel* indirect_gemm_kernel(Isa isa) { return LAMINA_TARGET(isa, IndirectGemm); }

}  // namespace lamina::kernels::cpu
#endif
