// Where the pixels of Winograd's tiles lie, and fetching them in time. Compiled once a target.
#if defined(LAMINA_KERNELS_CPU_WINOGRAD_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LAMINA_KERNELS_CPU_WINOGRAD_TILES_INL_H_
#undef LAMINA_KERNELS_CPU_WINOGRAD_TILES_INL_H_
#else
#define LAMINA_KERNELS_CPU_WINOGRAD_TILES_INL_H_
#endif

#include "kernels/cpu/conv2d_winograd.h"

#include <hwy/highway.h>
#include "kernels/cpu/fetch-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {

constexpr std::int64_t kLine = 16;  // floats

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

// Calls work(tile, pixels, next, v) for a run of tiles: a tile's pixels, those of the tile to come,
// and the tile's row of V.
template <int kA, typename Work>
HWY_INLINE void ForEachTile(const WinogradConv& conv, TileRange tiles, float* v, const Work& work) {
  const float* pixels_of[2][kA * kA];  // of this tile and the next one
  PointPixels<kA>(conv, TilePlace(conv, tiles.begin), pixels_of[0]);
  for (std::int64_t tile = tiles.begin; tile < tiles.end; ++tile, v += conv.v_stride) {
    const float** const pixels = pixels_of[(tile - tiles.begin) % 2];
    const float** const next = pixels_of[(tile - tiles.begin + 1) % 2];
    PointPixels<kA>(conv, TilePlace(conv, tile + 1 < tiles.end ? tile + 1 : tile), next);
    work(tile, pixels, next, v);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
