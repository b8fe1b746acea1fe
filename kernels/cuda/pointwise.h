// Element by element on a CUDA device: what kernels/elementwise.h says, for each element type.
#pragma once

#include "kernels/cuda/precision.h"
#include "kernels/cuda/runtime.h"
#include "kernels/elementwise.h"

namespace lamina::kernels::cuda {

/// As kernels::relu_forward(); input may be output.
void relu_forward(Stream& stream, Element element, const void* input, void* output,
                  std::int64_t count);

/// As kernels::batch_norm_forward(), computed in float32. args.input and args.output hold
/// `element`.
struct BatchNormArgs {
  const void* input;
  const float* running_mean;  // [c], on the device like the three below
  const float* running_var;
  const float* weight;  // or nullptr
  const float* bias;    // or nullptr
  void* output;         // may be input
};
void batch_norm_forward(Stream& stream, Element element, const BatchNormProblem& problem,
                        const BatchNormArgs& args);

/// As kernels::dropout_forward(), with the same elements dropped.
void dropout_forward(Stream& stream, Element element, const void* input, void* output,
                     std::int64_t count, float p, std::uint64_t seed);

/// values[row, channel] += bias[channel], where there is a bias, then ReLU where asked for.
void add_bias(Stream& stream, Element element, std::int64_t rows, std::int64_t c, const float* bias,
              bool relu, void* values);

/// How [n, c, spatial] lies in memory. c_stored >= c channels lie there for each pixel of NHWC.
struct Format {
  Element element = Element::f32;
  Layout layout = Layout::nchw;
  std::int64_t c_stored = 0;  ///< 0: c. Only for NHWC.
  float scale = 1;            ///< a value is what lies there, times this

  bool operator==(const Format&) const = default;
};

/// Layout, element type and scale at once; rounds to nearest even. Channels from c to c_stored are
/// written as zeros and never read. input must not be output.
void convert(Stream& stream, std::int64_t n, std::int64_t c, std::int64_t spatial,
             const Format& from, const Format& to, const void* input, void* output);

}  // namespace lamina::kernels::cuda
