// A model made ready to run on one device: the tree of modules becomes a flat plan of fused steps,
// weights are packed for the instruction set at hand, and all activations get their place in one
// arena. After the first run of an input size nothing is allocated.
//
// The same image gives the same bits alone, in any batch, and on any number of threads.
//
//   lamina::Session session(model, {.device = "auto", .max_batch = 8});
//   Tensor logits = session.run(batch);           // [n, 3, h, w] -> [n, classes]
//
// A Session is used by one thread at a time; several sessions of one model, each on a thread of its
// own, share its weights, packed ones included. The session keeps the weights alive, not the
// module.
#pragma once

#include <lamina/core/export.h>
#include <lamina/nn/input_ranges.h>
#include <lamina/nn/module.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lamina {

struct SessionOptions {
  std::string device = "auto";     ///< auto, cpu, cuda, cuda:N
  std::string precision = "fp32";  ///< never lowered unless asked
  int threads = 0;                 ///< 0: available_threads()
  std::int64_t max_batch = 1;      ///< images a pass; larger batches are cut into passes
  /// Modules whose output output() shall give, by dotted name: "features.28", "avgpool".
  std::vector<std::string> outputs = {};
  bool profile = false;  ///< time each step; profile() then has figures
  /// For fp8, which must have it: a layer's input is e4m3 with a scale for twice that range, and
  /// what goes beyond is cut off; layers that are not here are computed in bf16.
  /// For int8: where an input of a convolution stays within its layer's range, it is rounded on one
  /// grid, the same everywhere; where it goes beyond, and in layers that are not here, each part of
  /// an image has a grid of its own. See record_input_ranges.
  InputRanges input_ranges = {};
  /// Look at every input of a convolution or linear layer; input_ranges() then has what was seen.
  /// On the processor.
  bool record_input_ranges = false;
  /// Called between two passes, on the thread of run(). What it throws ends the run, and the
  /// session can be used again: the way to stop a long batch.
  std::function<void()> between_passes = {};
};

class LAMINA_API Session {
 public:
  /// One step of the plan, for people to read.
  struct Step {
    std::string name;       ///< the module it began with: "features.0"
    std::string what;       ///< "conv2d+relu", "max_pool2d"
    std::string plan;       ///< "winograd_f6 avx2 6x16", or empty
    Shape output;           ///< for one image, n = 1
    std::int64_t macs = 0;  ///< multiply-accumulates an image
    double time_ms = 0;     ///< of the last run; 0 without options.profile
    /// What the plan expects of the step, where it has an opinion: operations of an image at the
    /// processor's peak in float32 multiply-adds (each two), and weights read once a run.
    double expected_flops = 0, expected_bytes = 0;
  };

  /// Requires: module is in eval mode. Throws InvalidArgument (train mode, unknown output or
  /// precision, a range that is no size or of no convolution), Unsupported, DeviceError.
  explicit Session(const nn::Module& module, SessionOptions options = {});
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  /// Shapes: batch [n, c, h, w], or [n, features] for a model that takes those; f32; any n >= 0.
  /// The result is memory of its own as long as somebody holds it: the session takes it back for a
  /// later run when nobody does. Throws InvalidArgument where the input does not fit the model.
  Tensor run(const Tensor& batch);
  /// What the named module gave in the last run; [n, …], NCHW. Same ownership as run()'s result.
  Tensor output(std::string_view name) const;

  Device device() const;
  int threads() const;
  /// The plan for the input size of the last run; empty before the first.
  std::vector<Step> steps() const;
  /// With options.record_input_ranges: the largest magnitude in any run so far; infinity where
  /// there was a value that is not finite. Empty before the first run.
  InputRanges input_ranges() const;
  /// Milliseconds that the last run took by the device's own clock, copies to and from it left out;
  /// 0 on the processor.
  double device_ms() const;
  /// Bytes of the arena (activations and workspace), and of weights packed for this session.
  std::int64_t arena_bytes() const;
  std::int64_t packed_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lamina
