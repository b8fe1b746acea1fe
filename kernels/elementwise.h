// Operations on each element or each channel, and the change of layout.
#pragma once

#include "kernels/common.h"

namespace lamina::kernels {

/// output[i] = max(input[i], 0); NaN stays NaN. input may be output.
void relu_forward(const float* input, float* output, std::int64_t count, Exec exec);

struct BatchNormProblem {
  std::int64_t n = 1, c = 0, spatial = 1;  ///< spatial = h*w; 1 for BatchNorm1d on [n, c]
  float eps = 1e-5f;
  Layout layout = Layout::nchw;
};

struct BatchNormArgs {
  const float* input;
  const float* running_mean;  // [c]
  const float* running_var;   // [c]
  const float* weight;        // [c], or nullptr for 1
  const float* bias;          // [c], or nullptr for 0
  float* output;              // may be input
};

/// output = (input - running_mean) / sqrt(running_var + eps) * weight + bias, per channel.
/// Source: PyTorch torch.nn.BatchNorm2d in eval mode.
void batch_norm_forward(const BatchNormProblem& problem, const BatchNormArgs& args, Exec exec);

/// Sets each element to 0 with probability p and scales the rest by 1/(1-p); p = 1 gives zeros.
/// Element i's fate depends on (seed, i) alone: the same on every machine and any threads.
/// Source: PyTorch torch.nn.Dropout in train mode (its semantics, not its random stream).
void dropout_forward(const float* input, float* output, std::int64_t count, float p,
                     std::uint64_t seed, Exec exec);

/// nchw to nhwc and back; input must not be output.
void convert_layout(Layout from, Layout to, std::int64_t n, std::int64_t c, std::int64_t spatial,
                    const float* input, float* output, Exec exec);

}  // namespace lamina::kernels
