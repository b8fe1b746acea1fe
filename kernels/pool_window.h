// Which inputs a pooling window covers along one axis: index arithmetic, shared by all kernels.
#pragma once

#include "kernels/pool2d.h"

#include <algorithm>
#include <cstdint>

namespace lamina::kernels {

/// Indices begin, begin + step, … of one axis, all inside the input.
struct WindowSpan {
  std::int64_t begin = 0;
  std::int64_t count = 0;
  std::int64_t step = 1;
  std::int64_t padded_count = 0;  ///< average: with the padding that the divisor may count
};

/// The taps of output `index` that fall inside [0, size).
constexpr WindowSpan max_window(std::int64_t index, std::int64_t size, std::int64_t kernel,
                                std::int64_t stride, std::int64_t pad, std::int64_t dilation) {
  const std::int64_t start = index * stride - pad;
  const std::int64_t skipped = start < 0 ? (-start + dilation - 1) / dilation : 0;
  const std::int64_t begin = start + skipped * dilation;
  const std::int64_t inside = begin < size ? (size - begin + dilation - 1) / dilation : 0;
  const std::int64_t count = std::min(kernel - skipped, inside);
  return {.begin = begin, .count = std::max<std::int64_t>(count, 0), .step = dilation};
}

/// A window that runs over the padding at the far side ends there, as PyTorch counts it.
constexpr WindowSpan avg_window(std::int64_t index, std::int64_t size, std::int64_t kernel,
                                std::int64_t stride, std::int64_t pad) {
  const std::int64_t start = index * stride - pad;
  const std::int64_t padded_end = std::min(start + kernel, size + pad);
  const std::int64_t begin = std::max<std::int64_t>(start, 0);
  const std::int64_t count = std::max<std::int64_t>(std::min(padded_end, size) - begin, 0);
  return {.begin = begin, .count = count, .step = 1, .padded_count = padded_end - start};
}

/// [floor(i * size / out), ceil((i + 1) * size / out)).
constexpr WindowSpan adaptive_window(std::int64_t index, std::int64_t size, std::int64_t out) {
  const std::int64_t begin = index * size / out;
  const std::int64_t end = ((index + 1) * size + out - 1) / out;
  return {.begin = begin, .count = end - begin};
}

constexpr WindowSpan max_window_rows(const Pool2dProblem& p, std::int64_t y) {
  return max_window(y, p.h, p.kh, p.stride_h, p.pad_h, p.dilation_h);
}
constexpr WindowSpan max_window_cols(const Pool2dProblem& p, std::int64_t x) {
  return max_window(x, p.w, p.kw, p.stride_w, p.pad_w, p.dilation_w);
}
constexpr WindowSpan avg_window_rows(const Pool2dProblem& p, std::int64_t y) {
  return avg_window(y, p.h, p.kh, p.stride_h, p.pad_h);
}
constexpr WindowSpan avg_window_cols(const Pool2dProblem& p, std::int64_t x) {
  return avg_window(x, p.w, p.kw, p.stride_w, p.pad_w);
}

constexpr std::int64_t avg_divisor(const Pool2dProblem& p, const WindowSpan& rows,
                                   const WindowSpan& cols) {
  if (p.divisor_override > 0) return p.divisor_override;
  if (p.count_include_pad) return rows.padded_count * cols.padded_count;
  return rows.count * cols.count;
}

}  // namespace lamina::kernels
