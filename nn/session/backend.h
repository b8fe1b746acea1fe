// What runs a session's plan: one for each kind of device. The session owns the tensors that users
// see; a backend lays steps out, and fills memory that it is given.
#pragma once

#include <lamina/nn/session.h>

#include "nn/session/plan_builder.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace lamina::nn::detail {

class Backend {
 public:
  virtual ~Backend() = default;

  /// Lays the steps out for inputs [max_batch, …], and does nothing where they are. Throws
  /// InvalidArgument where the input does not fit the model, DeviceError where memory ends.
  virtual void prepare(const Shape& input) = 0;
  /// The values that run() gives for max_batch images: the model's result, then each requested
  /// output in its order.
  virtual const std::vector<Shape>& values() const = 0;
  /// All images of `batch`, in passes of max_batch. `targets[i]` receives values()[i] of all
  /// images, f32, NCHW order. Nothing is allocated from the second run of a batch size on, unless a
  /// step does.
  virtual void run(const Tensor& batch, std::span<float* const> targets) = 0;

  /// Empty before prepare().
  virtual std::vector<Session::Step> steps() const = 0;
  /// What runs have seen, where BackendOptions asked for it.
  virtual InputRanges input_ranges() const { return {}; }
  /// Of the last run, by the device's clock; 0 where that is the processor's.
  virtual double device_ms() const { return 0; }
  virtual std::int64_t arena_bytes() const = 0;
  virtual std::int64_t packed_bytes() const = 0;
};

struct BackendOptions {
  Device device;
  std::string precision;
  int threads;
  std::size_t output_count;  ///< requested outputs
  bool profile;
  InputRanges input_ranges = {};
  bool record_input_ranges = false;
  std::function<void()> between_passes = {};
};

std::unique_ptr<Backend> make_cpu_backend(std::vector<PlanNode> nodes,
                                          const BackendOptions& options);
std::unique_ptr<Backend> make_cuda_backend(std::vector<PlanNode> nodes,
                                           const BackendOptions& options);

}  // namespace lamina::nn::detail
