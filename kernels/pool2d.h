// Max and average pooling over windows, and adaptive average pooling to a given output size.
#pragma once

#include "kernels/common.h"

namespace lamina::kernels {

/// Outputs along an axis; 0 where the window is larger than the padded input.
constexpr std::int64_t pooled_size(std::int64_t size, std::int64_t kernel, std::int64_t stride,
                                   std::int64_t pad, std::int64_t dilation, bool ceil_mode) {
  const std::int64_t room = size + 2 * pad - dilation * (kernel - 1) - 1;
  const std::int64_t reach = room + (ceil_mode ? stride - 1 : 0);
  if (reach < 0) return 0;  // -1 / 2 would round to 0, and be one output
  const std::int64_t out = reach / stride + 1;
  const bool last_begins_outside = (out - 1) * stride >= size + pad;
  return ceil_mode && last_begins_outside ? out - 1 : out;
}

struct Pool2dProblem {
  std::int64_t n = 1, c = 0, h = 0, w = 0;
  std::int64_t kh = 2, kw = 2;
  std::int64_t stride_h = 2, stride_w = 2;
  std::int64_t pad_h = 0, pad_w = 0;
  std::int64_t dilation_h = 1, dilation_w = 1;  ///< max pooling only; 1 for average
  bool ceil_mode = false;             ///< round the output size up; a last window must begin inside
  bool count_include_pad = true;      ///< average: padding counts in the divisor
  std::int64_t divisor_override = 0;  ///< average: the divisor, where positive
  Layout layout = Layout::nchw;

  constexpr std::int64_t oh() const {
    return pooled_size(h, kh, stride_h, pad_h, dilation_h, ceil_mode);
  }
  constexpr std::int64_t ow() const {
    return pooled_size(w, kw, stride_w, pad_w, dilation_w, ceil_mode);
  }
};

/// Source: PyTorch torch.nn.MaxPool2d: padding is minus infinity; NaN in a window gives NaN.
void max_pool2d_forward(const Pool2dProblem& problem, const float* input, float* output, Exec exec);

/// Source: PyTorch torch.nn.AvgPool2d.
void avg_pool2d_forward(const Pool2dProblem& problem, const float* input, float* output, Exec exec);

struct AdaptivePool2dProblem {
  std::int64_t n = 1, c = 0, h = 0, w = 0, oh = 1, ow = 1;
  Layout layout = Layout::nchw;
};

/// Output (i, j) averages rows [floor(i*h/oh), ceil((i+1)*h/oh)) and the columns alike.
/// Source: PyTorch torch.nn.AdaptiveAvgPool2d. Where h == oh and w == ow the input is copied.
void adaptive_avg_pool2d_forward(const AdaptivePool2dProblem& problem, const float* input,
                                 float* output, Exec exec);

}  // namespace lamina::kernels
