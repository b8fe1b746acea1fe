// One step of a plan on a CUDA device: work to enqueue, and how its result lies in memory.
#pragma once

#include <lamina/core/shape.h>
#include <lamina/nn/input_ranges.h>

#include "kernels/cuda/pointwise.h"
#include "kernels/cuda/precision.h"
#include "kernels/cuda/runtime.h"

#include <cstdint>
#include <functional>
#include <string>

namespace lamina::nn::detail {

/// What a step is made for.
struct CudaContext {
  int device;
  kernels::cuda::DeviceProperties properties;
  kernels::cuda::Precision precision;
  kernels::cuda::Stream* stream;  ///< weights are uploaded on it
  std::int64_t max_batch;
  InputRanges input_ranges;  ///< for fp8
  bool may_wgmma;            ///< see Conv2dProblem
};

/// What a value's numbers are in memory.
struct CudaNumbers {
  kernels::cuda::Element element = kernels::cuda::Element::f32;
  float scale = 1;  ///< of e4m3
};

/// A value between two steps.
struct CudaValue {
  Shape shape;                   ///< for max_batch images, logical (n, c, h, w) order
  kernels::cuda::Format format;  ///< a rank other than 4 is rows of `element`, layout nchw
  /// Of the input: what the step that reads it should write if it can. f32 for the model's result,
  /// else what the next step reads; the plan converts where it is not.
  CudaNumbers result = {};

  kernels::cuda::Element element() const { return format.element; }
};

struct CudaRun {
  kernels::cuda::Stream& stream;
  const void* input;
  void* output;
  void* workspace;
  std::int64_t n;  ///< images, at most max_batch
};

struct CudaStep {
  /// Empty where the value stays as it is, and only its shape changes. Allocates nothing: it is
  /// called while a graph is captured. Keeps alive what it needs.
  std::function<void(const CudaRun&)> enqueue;
  kernels::cuda::Format output;
  std::int64_t workspace_bytes = 0;  ///< for any n up to max_batch
  std::int64_t weight_bytes = 0;     ///< on the device, shared with other sessions or not
  std::string plan = {};             ///< the kernel, for people
};

}  // namespace lamina::nn::detail
