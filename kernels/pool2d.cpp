#include "kernels/pool2d.h"

#include "core/parallel.h"
#include "kernels/reference/reference.h"

namespace lamina::kernels {
namespace {

std::int64_t pooled_size(std::int64_t size, std::int64_t kernel, std::int64_t stride,
                         std::int64_t pad, std::int64_t dilation, bool ceil_mode) {
  const std::int64_t room = size + 2 * pad - dilation * (kernel - 1) - 1;
  const std::int64_t out = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  const bool last_begins_outside = (out - 1) * stride >= size + pad;
  return ceil_mode && last_begins_outside ? out - 1 : out;
}

}  // namespace

std::int64_t Pool2dProblem::oh() const {
  return pooled_size(h, kh, stride_h, pad_h, dilation_h, ceil_mode);
}

std::int64_t Pool2dProblem::ow() const {
  return pooled_size(w, kw, stride_w, pad_w, dilation_w, ceil_mode);
}

void max_pool2d_forward(const Pool2dProblem& problem, const float* input, float* output, Exec) {
  reference::max_pool2d(problem, input, output);
}

void avg_pool2d_forward(const Pool2dProblem& problem, const float* input, float* output, Exec) {
  reference::avg_pool2d(problem, input, output);
}

void adaptive_avg_pool2d_forward(const AdaptivePool2dProblem& problem, const float* input,
                                 float* output, Exec) {
  reference::adaptive_avg_pool2d(problem, input, output);
}

}  // namespace lamina::kernels
