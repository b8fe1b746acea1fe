// The plan on this machine's processor.
#include "nn/session/backend.h"

#include "core/cpu_features.h"
#include "kernels/elementwise.h"
#include "nn/session/plan.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>

namespace lamina::nn::detail {
namespace {

// Copies n images of a step's value into `target`, in NCHW order.
void copy_out(const PlacedStep& step, const float* value, std::int64_t n, float* target,
              kernels::Exec exec) {
  const Shape& shape = step.output;
  if (shape.rank() == 4 && step.output_layout == kernels::Layout::nhwc) {
    kernels::convert_layout(kernels::Layout::nhwc, kernels::Layout::nchw, n, shape[1],
                            shape[2] * shape[3], value, target, exec);
    return;
  }
  const std::int64_t count = shape.with(0, n).numel();
  std::memcpy(target, value, static_cast<std::size_t>(count) * sizeof(float));
}

class CpuBackend : public Backend {
 public:
  CpuBackend(std::vector<PlanNode> nodes, const BackendOptions& options)
      : nodes_(std::move(nodes)),
        context_{
            .features = usable_cpu_features(),
            .threads = options.threads,
            .precision = options.precision,
            // bf16 rounds as finely as it can.
            .input_ranges = options.precision == "int8" ? options.input_ranges : InputRanges{}},
        watch_{.times = options.profile, .ranges = options.record_input_ranges},
        between_passes_(options.between_passes),
        values_(1 + options.output_count) {}

  void prepare(const Shape& input) override {
    if (plan_ && plan_->input() == input) return;
    plan_.reset();  // its arena first, so that two never live at once
    plan_.emplace(nodes_, input, context_);
    values_[0] = plan_->output();
    for (const PlacedStep& step : plan_->steps()) {
      for (const std::size_t output : step.outputs) values_[1 + output] = step.output;
    }
  }

  const std::vector<Shape>& values() const override { return values_; }

  void run(const Tensor& batch, std::span<float* const> targets) override {
    plan_->reset_times();
    const std::int64_t n = batch.size(0), pass = plan_->input()[0];
    for (std::int64_t first = 0; first < n; first += pass) {
      if (first > 0 && between_passes_) between_passes_();
      run_pass(batch, first, std::min(pass, n - first), targets);
    }
    if (watch_.ranges) note_ranges();
  }

  std::vector<Session::Step> steps() const override {
    std::vector<Session::Step> result;
    if (!plan_) return result;
    for (const PlacedStep& step : plan_->steps()) {
      result.push_back({.name = step.name,
                        .what = step.op->what(),
                        .plan = step.op->plan_text(),
                        .output = step.output.with(0, 1),
                        .macs = step.op->macs(step.input.with(0, 1)),
                        .time_ms = step.time_ms,
                        .expected_flops = step.op->expected_flops(),
                        .expected_bytes = step.op->expected_bytes()});
    }
    return result;
  }

  std::int64_t arena_bytes() const override { return plan_ ? plan_->arena_bytes() : 0; }

  std::int64_t packed_bytes() const override {
    std::int64_t total = 0;
    for (const PlanNode& node : nodes_) total += node.op->packed_bytes();
    return total;
  }

  InputRanges input_ranges() const override { return seen_ranges_; }

 private:
  // A plan for another input size begins anew.
  void note_ranges() {
    for (const PlacedStep& step : plan_->steps()) {
      if (!step.op->takes_input_range()) continue;
      float& seen = seen_ranges_[step.name];
      seen = std::max(seen, step.seen_range);
    }
  }

  // Images [first, first + n) of the batch.
  void run_pass(const Tensor& batch, std::int64_t first, std::int64_t n,
                std::span<float* const> targets) {
    const std::int64_t per_image = batch.numel() / batch.size(0);
    const kernels::Exec exec{.threads = context_.threads};
    const auto deliver = [&](float* target, const PlacedStep& step, const float* value,
                             ImageRange images) {
      const std::int64_t step_per_image = step.output.numel() / step.output[0];
      copy_out(step, value, images.count, target + (first + images.first) * step_per_image, exec);
    };
    const auto sink = [&](const PlacedStep& step, const float* value, ImageRange images) {
      for (const std::size_t output : step.outputs) {
        deliver(targets[1 + output], step, value, images);
      }
      if (&step == &plan_->steps().back()) deliver(targets[0], step, value, images);
    };
    // A reference: the function that is made of it must not allocate.
    plan_->run(batch.data<float>() + first * per_image, n, exec, watch_, std::cref(sink));
  }

  std::vector<PlanNode> nodes_;
  PrepareContext context_;
  PlanWatch watch_;
  std::function<void()> between_passes_;
  InputRanges seen_ranges_;
  std::vector<Shape> values_;
  std::optional<Plan> plan_;
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(std::vector<PlanNode> nodes,
                                          const BackendOptions& options) {
  return std::make_unique<CpuBackend>(std::move(nodes), options);
}

}  // namespace lamina::nn::detail
