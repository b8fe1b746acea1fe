// Dot products of weight rows with images, one source for every vector width.
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/linear_stream_kernel.cpp"
#include "kernels/cpu/linear_stream.h"

#include <hwy/foreach_target.h>
#include "kernels/cpu/fetch-inl.h"
#include "kernels/cpu/load_part-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));
// One tile: 2 rows x as many images as registers allow, so that eight of them use each weight while
// it is in a register; one or two images take 4 rows, or their chains of additions would be fewer
// than two units of latency 4 need.
constexpr int kTileRows = 2, kFewRows = 4, kFewImages = 2;
constexpr int kTileImages = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON ? 8 : 4;
// What shares one pass over the weights. The sums of a pass, a vector each, take 16 KB with AVX2.
constexpr int kGroupRows = 16, kPassImages = 32;
// Inputs of a tile's images between two changes of the tile, which stay in L1: 16 or 32 KB.
constexpr std::int64_t kBlock = 1024;
// How far ahead one or two images fetch weights: 2 KB. A line of int8 is asked for four times over;
// once would do and takes a third longer (Zen 5, November 2026).
template <typename W>
constexpr std::int64_t kAhead = 2048 / sizeof(W);

using Sums = float[kGroupRows][kPassImages][kLanes];

// A vector of weights as floats; of `left` weights the rest is zero.
HWY_INLINE V LoadWeights(const float* from) { return hn::LoadU(D(), from); }
HWY_INLINE V LoadWeights(const hwy::bfloat16_t* from) {
  const hn::Rebind<hwy::bfloat16_t, D> narrow;
  return hn::PromoteTo(D(), hn::LoadU(narrow, from));
}
HWY_INLINE V LoadWeights(const std::int8_t* from) {
  const hn::Rebind<std::int8_t, D> narrow;
  const hn::RebindToSigned<D> whole;
  return hn::ConvertTo(D(), hn::PromoteTo(whole, hn::LoadU(narrow, from)));
}
template <typename W>
HWY_INLINE V LoadPartOfWeights(const W* from, std::int64_t left) {
  W part[kLanes] = {};
  for (std::int64_t i = 0; i < left; ++i) part[i] = from[i];
  return LoadWeights(part);
}

// What one tile multiplies: columns [begin, end) of some rows and images.
template <typename W>
struct Tile {
  const W* rows[kFewRows];  // past the last row: that row again, its sums thrown away
  const W* next;            // where the weights that come next begin; so many a row apart:
  std::int64_t in_features;
  const float* images;  // the first one's; in_features apart
  std::int64_t begin, end;
  float* sums;  // [kRows][kPassImages][kLanes]: the first image's
};

// Adds the products to sums[row][image]. Each output has one vector of sums, whose lane i adds up
// the columns that are i modulo kLanes, in order: neither the tile nor the block nor the pass
// changes that, hence the same bits for any n and threads.
template <int kRows, int kImages, typename W>
HWY_NOINLINE void MultiplyTile(const Tile<W>& tile) {
  const D d;
  constexpr std::int64_t kRowStride = kPassImages * kLanes;
  V acc[kRows][kImages];
  for (int r = 0; r < kRows; ++r) {
    for (int b = 0; b < kImages; ++b) {
      acc[r][b] = hn::Load(d, tile.sums + r * kRowStride + b * kLanes);
    }
  }
  const W* rows[kRows];
  const W* next[kRows];
  for (int r = 0; r < kRows; ++r) {
    rows[r] = tile.rows[r];
    next[r] = tile.next + r * tile.in_features - tile.begin;
  }
  const float* images[kImages];
  for (int b = 0; b < kImages; ++b) images[b] = tile.images + b * tile.in_features;
  std::int64_t i = tile.begin;
  for (; i + kLanes <= tile.end; i += kLanes) {
    V weight[kRows];
    for (int r = 0; r < kRows; ++r) {
      FetchL1(kImages > kFewImages ? next[r] + i : rows[r] + i + kAhead<W>);
      weight[r] = LoadWeights(rows[r] + i);
    }
    for (int b = 0; b < kImages; ++b) {
      const V x = hn::LoadU(d, images[b] + i);
      for (int r = 0; r < kRows; ++r) acc[r][b] = hn::MulAdd(x, weight[r], acc[r][b]);
    }
  }
  if (const std::int64_t left = tile.end - i; left > 0) {
    for (int b = 0; b < kImages; ++b) {
      const V x = LoadPart(images[b] + i, left);
      for (int r = 0; r < kRows; ++r) {
        acc[r][b] = hn::MulAdd(x, LoadPartOfWeights(rows[r] + i, left), acc[r][b]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int b = 0; b < kImages; ++b) {
      hn::Store(acc[r][b], d, tile.sums + r * kRowStride + b * kLanes);
    }
  }
}

// What one pass computes: rows [row, row + rows) for images [image, image + images).
struct Pass {
  std::int64_t row, image;
  int rows, images;  // [1, kGroupRows], [1, kPassImages]
};

template <typename W>
const W* RowOf(const LinearProblem& p, const LinearArgs& args, std::int64_t row) {
  return static_cast<const W*>(args.weight) + row * p.in_features;
}

// The columns [begin, end) of the pass's rows, kRows at a time, times kImages images from `first`
// on.
template <int kRows, int kImages, typename W>
void MultiplyRows(const LinearProblem& p, const LinearArgs& args, const Pass& pass, int first,
                  std::int64_t begin, std::int64_t end, Sums& sums) {
  for (int r = 0; r < pass.rows; r += kRows) {
    Tile<W> tile{.rows = {},
                 .next = r + kRows < pass.rows ? RowOf<W>(p, args, pass.row + r + kRows) + begin
                                               : RowOf<W>(p, args, pass.row) + end,
                 .in_features = p.in_features,
                 .images = args.input + (pass.image + first) * p.in_features,
                 .begin = begin,
                 .end = end,
                 .sums = sums[r][first]};
    for (int i = 0; i < kRows; ++i) {
      tile.rows[i] = RowOf<W>(p, args, pass.row + (r + i < pass.rows ? r + i : pass.rows - 1));
    }
    MultiplyTile<kRows, kImages>(tile);
  }
}

// Largest tiles first: the images of one keep their columns in L1 while the rows pass by.
template <typename W>
void AddBlock(const LinearProblem& p, const LinearArgs& args, const Pass& pass, std::int64_t begin,
              std::int64_t end, Sums& sums) {
  int image = 0;
  for (; image + kTileImages <= pass.images; image += kTileImages) {
    MultiplyRows<kTileRows, kTileImages, W>(p, args, pass, image, begin, end, sums);
  }
  for (; image + 3 <= pass.images; image += 3) {
    MultiplyRows<kTileRows, 3, W>(p, args, pass, image, begin, end, sums);
  }
  if (pass.images - image == 2) {
    MultiplyRows<kFewRows, 2, W>(p, args, pass, image, begin, end, sums);
  } else if (pass.images - image == 1) {
    MultiplyRows<kFewRows, 1, W>(p, args, pass, image, begin, end, sums);
  }
}

void StorePass(const LinearProblem& p, const LinearArgs& args, const Pass& pass, const Sums& sums) {
  const D d;
  for (int r = 0; r < pass.rows; ++r) {
    const float bias = args.bias != nullptr ? args.bias[pass.row + r] : 0;
    const float scale = args.scale != nullptr ? args.scale[pass.row + r] : 1;
    for (int b = 0; b < pass.images; ++b) {
      const float sum = hn::GetLane(hn::SumOfLanes(d, hn::Load(d, sums[r][b]))) * scale + bias;
      args.output[(pass.image + b) * p.out_features + pass.row + r] = p.relu && sum < 0 ? 0 : sum;
    }
  }
}

template <typename W>
void RunPass(const LinearProblem& p, const LinearArgs& args, const Pass& pass) {
  const D d;
  HWY_ALIGN Sums sums;
  for (auto& row : sums) {
    for (int b = 0; b < pass.images; ++b) hn::Store(hn::Zero(d), d, row[b]);
  }
  // One or two images use each weight once: no block of inputs to keep, and long runs are
  // what the memory's prefetchers like.
  const std::int64_t block = pass.images <= kFewImages ? p.in_features : kBlock;
  for (std::int64_t begin = 0; begin < p.in_features; begin += block) {
    const std::int64_t end = begin + block < p.in_features ? begin + block : p.in_features;
    AddBlock<W>(p, args, pass, begin, end, sums);
  }
  StorePass(p, args, pass, sums);
}

}  // namespace

void LinearRows(const LinearProblem& problem, const LinearArgs& args, std::int64_t out_begin,
                std::int64_t out_end) {
  const auto run = problem.stored == LinearWeight::f32    ? RunPass<float>
                   : problem.stored == LinearWeight::bf16 ? RunPass<hwy::bfloat16_t>
                                                          : RunPass<std::int8_t>;
  for (std::int64_t row = out_begin; row < out_end; row += kGroupRows) {
    const std::int64_t rows = out_end - row;
    for (std::int64_t image = 0; image < problem.n; image += kPassImages) {
      const std::int64_t images = problem.n - image;
      run(problem, args,
          {.row = row,
           .image = image,
           .rows = rows < kGroupRows ? static_cast<int>(rows) : kGroupRows,
           .images = images < kPassImages ? static_cast<int>(images) : kPassImages});
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lamina::kernels::cpu {

LinearKernel* linear_kernel(Isa isa) { return LAMINA_TARGET(isa, LinearRows); }

}  // namespace lamina::kernels::cpu
#endif
