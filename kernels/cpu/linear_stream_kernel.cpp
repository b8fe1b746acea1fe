// Dot products of weight rows with images, one source for every vector width.
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/linear_stream_kernel.cpp"
#include "kernels/cpu/linear_stream.h"

#include <hwy/foreach_target.h>
#include "kernels/cpu/load_part-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));
// One tile: 4 rows x 2 images = 8 chains of additions, as many as two FMA units of latency 4 need;
// 6 loads for 8 products.
constexpr int kTileRows = 4, kTileImages = 2;
// What shares one pass over the weights. The sums of a pass, a vector each, take 16 KB with AVX2.
constexpr int kGroupRows = 16, kPassImages = 32;
// Inputs between two changes of the tile: 32 images' worth of them, 256 KB, stay in L2.
constexpr std::int64_t kBlock = 2048;

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

// Adds the products of columns [begin, end) to sums[row][image]. Each output has one vector of
// sums, whose lane i adds up the columns that are i modulo kLanes, in order: neither the tile nor
// the block nor the pass changes that, hence the same bits for any n and threads.
template <int kImages, typename W>
void MultiplyTile(const W* const* rows, const float* const* images, std::int64_t begin,
                  std::int64_t end, float* sums) {
  const D d;
  constexpr std::int64_t kRowStride = kPassImages * kLanes;
  V acc[kTileRows][kImages];
  for (int r = 0; r < kTileRows; ++r) {
    for (int b = 0; b < kImages; ++b) acc[r][b] = hn::Load(d, sums + r * kRowStride + b * kLanes);
  }
  const W *row0 = rows[0], *row1 = rows[1], *row2 = rows[2], *row3 = rows[3];
  std::int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) {
    const V weight[kTileRows] = {LoadWeights(row0 + i), LoadWeights(row1 + i),
                                 LoadWeights(row2 + i), LoadWeights(row3 + i)};
    for (int b = 0; b < kImages; ++b) {
      const V x = hn::LoadU(d, images[b] + i);
      for (int r = 0; r < kTileRows; ++r) acc[r][b] = hn::MulAdd(x, weight[r], acc[r][b]);
    }
  }
  if (i < end) {
    for (int b = 0; b < kImages; ++b) {
      const V x = LoadPart(images[b] + i, end - i);
      for (int r = 0; r < kTileRows; ++r) {
        acc[r][b] = hn::MulAdd(x, LoadPartOfWeights(rows[r] + i, end - i), acc[r][b]);
      }
    }
  }
  for (int r = 0; r < kTileRows; ++r) {
    for (int b = 0; b < kImages; ++b) hn::Store(acc[r][b], d, sums + r * kRowStride + b * kLanes);
  }
}

// What one pass computes: rows [row, row + rows) for images [image, image + images).
struct Pass {
  std::int64_t row, image;
  int rows, images;  // [1, kGroupRows], [1, kPassImages]
};

// The columns [begin, end) of `rows` times images [0, count) of the pass.
template <typename W>
void MultiplyRows(const LinearProblem& p, const float* input, int count, const W* const* rows,
                  std::int64_t begin, std::int64_t end, float (*sums)[kLanes]) {
  for (int b = 0; b < count;) {
    const float* first = input + b * p.in_features;
    const float* images[kTileImages] = {first, first + p.in_features};
    const bool pair = b + kTileImages <= count;
    pair ? MultiplyTile<kTileImages>(rows, images, begin, end, sums[b])
         : MultiplyTile<1>(rows, images, begin, end, sums[b]);
    b += pair ? kTileImages : 1;
  }
}

// Columns [begin, end) of kTileRows rows as floats, the last vector filled up with zeros.
template <typename W>
void Widen(const W* const* rows, std::int64_t begin, std::int64_t end,
           float (*wide)[kBlock + kLanes]) {
  const D d;
  for (int r = 0; r < kTileRows; ++r) {
    std::int64_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      hn::StoreU(LoadWeights(rows[r] + i), d, wide[r] + i - begin);
    }
    if (i < end) hn::StoreU(LoadPartOfWeights(rows[r] + i, end - i), d, wide[r] + i - begin);
  }
}

template <typename W>
void AddBlock(const LinearProblem& p, const LinearArgs& args, const Pass& pass, std::int64_t begin,
              std::int64_t end, Sums& sums) {
  const float* const input = args.input + pass.image * p.in_features;
  for (int r = 0; r < pass.rows; r += kTileRows) {
    const W* rows[kTileRows];  // past the last row: that row again, its sums thrown away
    for (int i = 0; i < kTileRows; ++i) {
      const int row = r + i < pass.rows ? r + i : pass.rows - 1;
      rows[i] = static_cast<const W*>(args.weight) + (pass.row + row) * p.in_features;
    }
    if constexpr (sizeof(W) < sizeof(float)) {
      if (pass.images > kTileImages) {  // each weight is widened once, not once a pair of images
        float wide[kTileRows][kBlock + kLanes];
        Widen(rows, begin, end, wide);
        const float* floats[kTileRows];
        for (int i = 0; i < kTileRows; ++i) floats[i] = wide[i];
        MultiplyRows(p, input + begin, pass.images, floats, 0, end - begin, sums[r]);
        continue;
      }
    }
    MultiplyRows(p, input, pass.images, rows, begin, end, sums[r]);
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
  // Images that fit one tile use each weight once: no block of inputs to keep, and long runs are
  // what the memory's prefetchers like.
  const std::int64_t block = pass.images <= kTileImages ? p.in_features : kBlock;
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
