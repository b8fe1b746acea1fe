// How Pillow scales an axis: which input positions make each output position, and how much each
// counts, in fixed point. Standard library only: what runs elsewhere (a GPU) takes the same tables.
#pragma once

#include <lamina/vision/transforms.h>

#include <cstdint>
#include <vector>

namespace lamina::vision {

/// 8 bits of pixel and 22 of weight leave 2 of the 32: one for the sign and one because weights,
/// each rounded to nearest, can sum to at most twice of 1.
inline constexpr int kFractionBits = 32 - 8 - 2;

/// One output position's inputs.
struct Taps {
  std::int64_t first;           // input position of weights[0]
  std::int64_t count;           // of weights
  const std::int32_t* weights;  // in units of 2^-22
};

class TapTable {
 public:
  /// Taps of the outputs [begin, begin + count) of an axis scaled from `in` positions to `out`. In
  /// double precision and in this order of operations, because the rounded weights depend on it.
  TapTable(std::int64_t in, std::int64_t out, std::int64_t begin, std::int64_t count);

  Taps operator[](std::int64_t i) const {
    const Range& range = ranges_[static_cast<std::size_t>(i)];
    return {range.begin, range.end - range.begin, weights_.data() + i * stride_};
  }
  std::int64_t size() const { return static_cast<std::int64_t>(ranges_.size()); }
  std::int64_t first_input() const { return ranges_.front().begin; }
  std::int64_t last_input() const { return ranges_.back().end; }  // one past
  /// The most taps that an output can have.
  std::int64_t stride() const { return stride_; }

 private:
  struct Range {
    std::int64_t begin, end;
  };
  std::int64_t stride_;
  std::vector<Range> ranges_;
  std::vector<std::int32_t> weights_;  // [outputs, stride_]
};

/// Each pass rounds to 8 bits, so their order shows. Pillow 13 goes down first where the height
/// loses more than twice the pixels that the width does; earlier versions never do.
bool goes_down_first(Size from, Size to);

}  // namespace lamina::vision
