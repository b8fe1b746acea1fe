// A chain of steps laid out on a CUDA device for one input size: kernels chosen, weights uploaded,
// and every value given its place in one arena.
#pragma once

#include "nn/session/cuda/step.h"
#include "nn/session/plan_builder.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace lamina::nn::detail {

struct CudaPlacedStep {
  const Op* op;      // null for a change of format that the plan put in
  std::string name;  // of the module
  std::string what;
  std::vector<std::size_t> outputs;  // which of the session's
  CudaValue input, output;
  CudaStep step;
  std::int64_t input_offset = 0, output_offset = 0;  // bytes into the arena
};

class CudaPlan {
 public:
  /// `input` is [max_batch, …]. Throws InvalidArgument where it does not fit the model, Unsupported
  /// where a step has no kernels, DeviceError where memory ends.
  CudaPlan(const std::vector<PlanNode>& nodes, const Shape& input, const CudaContext& context,
           std::size_t output_count);

  /// Takes over n images, f32 in NCHW order, on the device.
  void enqueue_input(kernels::cuda::Stream& stream, const void* from, std::int64_t n) const;
  /// All steps for n images; `after` is called when a step has been enqueued. Can be captured.
  void enqueue_steps(kernels::cuda::Stream& stream, std::int64_t n,
                     const std::function<void(std::size_t step)>& after = {}) const;

  /// The model's result and each requested output: f32, NCHW order, on the device, when the steps
  /// have run.
  const void* value(std::size_t i) const { return arena_.as<std::byte>() + values_[i].offset; }
  const std::vector<Shape>& value_shapes() const noexcept { return value_shapes_; }

  const Shape& input() const noexcept { return input_; }
  const std::vector<CudaPlacedStep>& steps() const noexcept { return steps_; }
  std::int64_t arena_bytes() const noexcept { return arena_bytes_; }
  std::int64_t weight_bytes() const noexcept;

 private:
  struct Kept {
    std::size_t step = 0;
    std::int64_t offset = 0;
    bool in_place = false;  // the step's own result is what users see
  };

  void place(const std::vector<PlanNode>& nodes, const CudaContext& context);
  void append_conversion(const CudaValue& from, const kernels::cuda::Format& to, std::string name);
  void lay_out_arena();
  void keep_values(std::size_t output_count);
  void enqueue_kept(kernels::cuda::Stream& stream, std::size_t step, std::int64_t n) const;

  Shape input_;
  std::vector<CudaPlacedStep> steps_;  // the first takes the input over
  std::vector<Kept> values_;
  std::vector<Shape> value_shapes_;
  std::int64_t workspace_offset_ = 0, arena_bytes_ = 0;
  kernels::cuda::DeviceMemory arena_;
};

}  // namespace lamina::nn::detail
