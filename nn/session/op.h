// One step of a session's plan: what it computes, what it may fuse with, and how it runs.
//
// A plan is a chain: each step reads the value before it and writes one of its own. A layer that
// wants a step of its own defines an Op beside its module and adds it in Module::lower().
#pragma once

#include <lamina/core/shape.h>
#include <lamina/nn/input_ranges.h>

#include "kernels/common.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace lamina::nn::detail {

struct CudaContext;
struct CudaStep;
struct CudaValue;

/// Which layout a step takes rank-4 values in; it writes the layout that it reads.
enum class LayoutNeed { any, nchw, nhwc };

struct PrepareContext {
  CpuFeatures features;
  int threads = 1;
  std::string precision = "fp32";
  InputRanges input_ranges = {};
  /// Only kernels that add the definition's own terms: no Winograd. What a value falls on one side
  /// of (a ReLU, the largest of a window) should hang on it as little as it can.
  bool plain_sums = false;
};

struct RunContext {
  const float* input;
  float* output;
  std::byte* workspace;    // as large as workspace_bytes() said, aligned to 64
  Shape input_shape;       // with this run's n; never larger than the prepared one
  kernels::Layout layout;  // of the input, where it has rank 4
  kernels::Exec exec;
  float input_range = 0;  // see SessionOptions::input_ranges
};

/// Contiguous f32 in NCHW order; see Op::input_gradient().
struct GradientContext {
  const float* input;  // of the step, as run() read it
  Shape input_shape;
  const float* output_gradient;
  float* input_gradient;  // not the same memory
  kernels::Exec exec;
};

class Op {
 public:
  virtual ~Op() = default;

  /// "conv2d+relu"
  virtual std::string what() const = 0;
  /// Logical (n, c, h, w) order whatever the layout. Throws InvalidArgument where the input does
  /// not fit.
  virtual Shape output_shape(const Shape& input) const = 0;
  /// Takes over the work of the step behind it, if it can: true, and `next` is dropped.
  virtual bool absorb(const Op& next) {
    (void)next;
    return false;
  }
  virtual LayoutNeed layout_need() const { return LayoutNeed::any; }
  /// Whether the step may round its input, and so has a use for the input's range.
  virtual bool takes_input_range() const { return false; }
  /// Whether each image's output comes from that image alone, so that a batch may be cut.
  virtual bool takes_images_apart() const { return true; }
  /// Multiply-accumulates for one input of that shape.
  virtual std::int64_t macs(const Shape& input) const {
    (void)input;
    return 0;
  }
  /// Chooses kernels and packs weights for inputs up to `input`. Called before run(), and again
  /// where the input's size changes.
  virtual void prepare(const PrepareContext& context, const Shape& input, kernels::Layout layout) {
    (void)context, (void)input, (void)layout;
  }
  virtual std::int64_t workspace_bytes() const { return 0; }
  /// The kernel chosen by prepare(), for people; empty where there is no choice.
  virtual std::string plan_text() const { return {}; }
  /// See Session::Step; of one image of the prepared size.
  virtual double expected_flops() const { return 0; }
  virtual double expected_bytes() const { return 0; }
  /// Bytes of weights rearranged by prepare(), shared or not.
  virtual std::int64_t packed_bytes() const { return 0; }
  virtual void run(const RunContext& context) const = 0;

  /// The same step on a CUDA device, with its weights there. Throws Unsupported where there are no
  /// kernels for it, as here.
  virtual CudaStep on_cuda(const CudaContext& context, const CudaValue& input) const;
  /// Whether on_cuda() takes the input as e4m3 (fp8) of one scale.
  virtual bool takes_e4m3(const CudaContext& context, const Shape& input) const {
    (void)context, (void)input;
    return false;
  }
  /// Whether the values stay what they are, so that the step takes any element type.
  virtual bool keeps_values() const { return false; }
  /// Whether on_cuda() takes an NHWC input whose channels are padded to 16 bytes.
  virtual bool reads_padded_channels() const { return false; }

  /// From the gradient of a number with respect to the output, that with respect to the input, of a
  /// step that has absorbed nothing. Needs no prepare(). Throws Unsupported where there is none, as
  /// here.
  virtual void input_gradient(const GradientContext& context) const;
};

}  // namespace lamina::nn::detail
