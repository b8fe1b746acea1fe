// One position's product of V and U: rows of tiles by a panel of output channels. Compiled once a
// target.
#if defined(LAMINA_KERNELS_CPU_WINOGRAD_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LAMINA_KERNELS_CPU_WINOGRAD_PRODUCT_INL_H_
#undef LAMINA_KERNELS_CPU_WINOGRAD_PRODUCT_INL_H_
#else
#define LAMINA_KERNELS_CPU_WINOGRAD_PRODUCT_INL_H_
#endif

#include "kernels/cpu/conv2d_winograd.h"

#include <hwy/highway.h>
#include "kernels/cpu/fetch-inl.h"
#include "kernels/cpu/register_tile-inl.h"
#include "kernels/cpu/winograd_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lamina::kernels::cpu {
namespace HWY_NAMESPACE {

// Arithmetic of the product: words of V and U to sums, and sums to M. A word is a float and one
// channel, or two whole numbers of 16 bits and two channels.
struct FloatWords {
  using Sum = V;
  static constexpr std::int64_t kWordsOfSum = 0;  // after which it is added to M; 0: all words
  static HWY_INLINE Sum Zero() { return hn::Zero(D()); }
  static HWY_INLINE V Load(const float* words) { return hn::Load(D(), words); }
  static HWY_INLINE V Broadcast(const float* word) { return hn::Set(D(), *word); }
  static HWY_INLINE Sum Add(V x, V weight, Sum sum) { return hn::MulAdd(x, weight, sum); }
  static HWY_INLINE V ToFloat(Sum sum, const float*) { return sum; }
};

// What rows of V by a panel need to know.
struct RowBlock {
  const float* u;  // [words][kBlockN]
  std::int64_t words, v_stride;
  const float* scale;   // [kBlockN], for whole numbers
  const float* next_u;  // the part of the panel to come that these rows fetch:
  int lines;            // so many lines with a line of words
};

// kRows rows of V by a panel. Each output's terms are added one by one in the order of words.
template <int kRows, typename Words, bool kAddToM>
HWY_INLINE void MultiplyWordsOfRows(const RowBlock& block, const float* v, float* m) {
  typename Words::Sum sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int i = 0; i < kVectors; ++i) sum[r][i] = Words::Zero();
  }
  const float* HWY_RESTRICT u = block.u;
  const float* row[kRows];
  for (int r = 0; r < kRows; ++r) row[r] = v + r * block.v_stride;
  const auto step = [&](std::int64_t word, const float* HWY_RESTRICT weights) HWY_ATTR {
    decltype(Words::Load(weights)) weight[kVectors];
    for (int i = 0; i < kVectors; ++i) weight[i] = Words::Load(weights + i * kLanes);
    for (int r = 0; r < kRows; ++r) {
      const auto x = Words::Broadcast(row[r] + word);
      for (int i = 0; i < kVectors; ++i) sum[r][i] = Words::Add(x, weight[i], sum[r][i]);
    }
  };
  const std::int64_t next_rows = kRows * block.v_stride;
  const float* next_u = block.next_u;
  std::int64_t word = 0;
  for (; word + kLine <= block.words; word += kLine, u += kLine * kBlockN) {
    for (int r = 0; r < kRows; ++r) FetchL1(row[r] + next_rows + word);
    for (int i = 0; i < block.lines; ++i) FetchL2(next_u + i * kLine);
    next_u += block.lines * kLine;
    HWY_UNROLL(16)
    for (int i = 0; i < kLine; ++i) step(word + i, u + i * kBlockN);
  }
  for (; word < block.words; ++word, u += kBlockN) step(word, u);
  for (int r = 0; r < kRows; ++r) {
    for (int i = 0; i < kVectors; ++i) {
      V value = Words::ToFloat(sum[r][i], block.scale + i * kLanes);
      float* const target = m + r * kBlockN + i * kLanes;
      if constexpr (kAddToM) value = hn::Add(value, hn::Load(D(), target));
      hn::Store(value, D(), target);
    }
  }
}

template <int kRows, typename Words>
HWY_INLINE void MultiplyRows(const RowBlock& block, const float* v, float* m) {
  if constexpr (Words::kWordsOfSum == 0) {
    MultiplyWordsOfRows<kRows, Words, false>(block, v, m);
  } else {
    RowBlock part = block;
    for (std::int64_t word = 0; word < block.words; word += Words::kWordsOfSum) {
      const std::int64_t left = block.words - word;
      part.words = left < Words::kWordsOfSum ? left : Words::kWordsOfSum;
      word == 0 ? MultiplyWordsOfRows<kRows, Words, false>(part, v, m)
                : MultiplyWordsOfRows<kRows, Words, true>(part, v + word, m);
      part.u += part.words * kBlockN;
      part.next_u += part.words / kLine * kLine * block.lines;
    }
  }
}

template <int kRows, typename Words>
HWY_INLINE void MultiplyUpTo(const RowBlock& block, std::int64_t rows, const float* v, float* m) {
  if (rows == kRows) return MultiplyRows<kRows, Words>(block, v, m);
  if constexpr (kRows > 1) MultiplyUpTo<kRows - 1, Words>(block, rows, v, m);
}

// The next panel arrives while the first four blocks of rows, or all where there are fewer, are at
// work: at an even pace, since memory is what some layers wait for.
HWY_INLINE int QuartersToFetch(std::int64_t block, std::int64_t blocks) {
  if (blocks < 3) return blocks == 1 ? 4 : 2;
  if (blocks == 3) return block == 0 ? 2 : 1;
  return block < 4 ? 1 : 0;
}

// Rows are cut evenly: 16 as 6 + 5 + 5, since a tile of 4 has too few sums to hide the latency.
template <typename Words>
void MultiplyWords(const WinogradProduct& p) {
  const std::int64_t blocks = (p.count + kBlockM - 1) / kBlockM;
  const std::int64_t rows = p.count / blocks, larger = p.count % blocks;
  const float* v = p.v;
  float* m = p.m;
  RowBlock block{.u = p.u,
                 .words = p.words,
                 .v_stride = p.v_stride,
                 .scale = p.scale,
                 .next_u = p.next_u,
                 .lines = 0};
  for (std::int64_t i = 0; i < blocks; ++i) {
    const std::int64_t count = rows + (i < larger ? 1 : 0);
    block.lines = kBlockN / 4 * QuartersToFetch(i, blocks);
    MultiplyUpTo<kBlockM, Words>(block, count, v, m);
    v += count * p.v_stride;
    m += count * kBlockN;
    block.next_u += p.words / kLine * block.lines * kLine;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lamina::kernels::cpu
HWY_AFTER_NAMESPACE();

#endif  // toggling guard
