#include <lamina/nn/session.h>

#include <lamina/core/threads.h>

#include "core/log_internal.h"
#include "core/require.h"
#include "kernels/elementwise.h"
#include "nn/input.h"
#include "nn/session/copy_op.h"
#include "nn/session/device_choice.h"
#include "nn/session/output_pool.h"
#include "nn/session/plan.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace lamina {
namespace {

using nn::detail::choose_device;
using nn::detail::CopyOp;
using nn::detail::DeviceChoice;
using nn::detail::find_cuda_devices;
using nn::detail::OutputPool;
using nn::detail::PlacedStep;
using nn::detail::Plan;
using nn::detail::PlanBuilder;
using nn::detail::PlanNode;

// One value that run() gives back: the model's result, or a module's that was asked for.
struct Output {
  std::string name;
  OutputPool pool;
  Tensor current;
};

Device resolve_device(const std::string& text) {
  // The driver is not started for nothing.
  if (text == "cpu") return {};
  const DeviceChoice choice = choose_device(text, find_cuda_devices());
  if (!choice.why.empty()) {
    log(LogLevel::info, "device: {} ({}); {}", to_string(choice.device), cpu_model_name(),
        choice.why);
  }
  return choice.device;
}

void check_eval_mode(const nn::Module& module) {
  for (const auto& [name, part] : module.named_modules()) {
    if (!part->training()) continue;
    throw InvalidArgument(fmt::format("[session] {} is in train mode",
                                      name.empty() ? "the model" : "layer '" + name + "'"),
                          "call eval() first");
  }
}

void check_precision(const std::string& precision) {
  if (precision == "fp32") return;
  constexpr std::string_view kKnown[] = {"tf32", "fp16", "bf16", "int8"};
  LAMINA_REQUIRE(std::find(std::begin(kKnown), std::end(kKnown), precision) != std::end(kKnown),
                 "[session] '{}' is not a precision", precision);
  throw Unsupported(fmt::format("[session] precision '{}' is not available on cpu", precision),
                    "available: fp32");
}

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

}  // namespace

struct Session::Impl {
  SessionOptions options;
  Device device;
  nn::detail::PrepareContext context;
  std::vector<PlanNode> nodes;
  std::optional<Plan> plan;
  Output result;
  std::vector<Output> tapped;

  void plan_for(const Shape& batch) {
    Shape input = batch.with(0, options.max_batch);
    if (plan && plan->input() == input) return;
    plan.reset();  // its arena first, so that two never live at once
    plan.emplace(nodes, input, context);
  }

  Output& output_named(std::string_view name) {
    const auto found = std::find_if(tapped.begin(), tapped.end(),
                                    [name](const Output& output) { return output.name == name; });
    LAMINA_REQUIRE(found != tapped.end(), "[session] '{}' was not asked for in options.outputs",
                   name);
    return *found;
  }

  void acquire_outputs(std::int64_t n) {
    result.current = Tensor();
    result.current = result.pool.acquire(plan->output().with(0, n));
    for (const PlacedStep& step : plan->steps()) {
      for (const std::string& name : step.outputs) {
        Output& output = output_named(name);
        output.current = Tensor();
        output.current = output.pool.acquire(step.output.with(0, n));
      }
    }
  }

  // One pass over images [first, first + n) of the batch.
  void run_pass(const Tensor& batch, std::int64_t first, std::int64_t n) {
    const std::int64_t per_image = batch.numel() / batch.size(0);
    const kernels::Exec exec{.threads = context.threads};
    const auto deliver = [&](Output& output, const PlacedStep& step, const float* value) {
      const std::int64_t step_per_image = step.output.numel() / step.output[0];
      copy_out(step, value, n, output.current.mutable_data<float>() + first * step_per_image, exec);
    };
    plan->run(batch.data<float>() + first * per_image, n, exec, options.profile,
              [&](const PlacedStep& step, const float* value) {
                for (const std::string& name : step.outputs) {
                  deliver(output_named(name), step, value);
                }
                if (&step == &plan->steps().back()) deliver(result, step, value);
              });
  }
};

Session::Session(const nn::Module& module, SessionOptions options)
    : impl_(std::make_unique<Impl>()) {
  LAMINA_REQUIRE(options.max_batch >= 1, "[session] max_batch={}", options.max_batch);
  LAMINA_REQUIRE(options.threads >= 0, "[session] threads={}", options.threads);
  check_precision(options.precision);
  check_eval_mode(module);
  impl_->device = resolve_device(options.device);
  impl_->context = {.features = usable_cpu_features(),
                    .threads = options.threads > 0 ? options.threads : available_threads()};
  impl_->nodes = PlanBuilder(module, options.outputs).fuse();
  if (impl_->nodes.empty()) impl_->nodes.push_back({std::make_unique<CopyOp>(), "", {}});
  for (const std::string& name : options.outputs) impl_->tapped.push_back({name, {}, {}});
  impl_->options = std::move(options);
}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Tensor Session::run(const Tensor& given) {
  const Tensor batch = nn::f32_input("session", given);
  LAMINA_REQUIRE(batch.rank() >= 2, "[session] input {} has no batch axis", batch.shape());
  impl_->plan_for(batch.shape());
  impl_->acquire_outputs(batch.size(0));
  impl_->plan->reset_times();
  const std::int64_t n = batch.size(0), step = impl_->options.max_batch;
  for (std::int64_t first = 0; first < n; first += step) {
    impl_->run_pass(batch, first, std::min(step, n - first));
  }
  // The session keeps no handle of its own, so that the caller's letting go frees the memory for
  // the next run.
  return std::exchange(impl_->result.current, Tensor());
}

Tensor Session::output(std::string_view name) const {
  const Output& output = impl_->output_named(name);
  LAMINA_REQUIRE(output.current.defined(), "[session] nothing has been run yet");
  return output.current;
}

Device Session::device() const { return impl_->device; }
int Session::threads() const { return impl_->context.threads; }

std::vector<Session::Step> Session::steps() const {
  std::vector<Step> result;
  if (!impl_->plan) return result;
  for (const PlacedStep& step : impl_->plan->steps()) {
    result.push_back({.name = step.name,
                      .what = step.op->what(),
                      .plan = step.op->plan_text(),
                      .output = step.output.with(0, 1),
                      .macs = step.op->macs(step.input.with(0, 1)),
                      .time_ms = step.time_ms});
  }
  return result;
}

std::int64_t Session::arena_bytes() const { return impl_->plan ? impl_->plan->arena_bytes() : 0; }

std::int64_t Session::packed_bytes() const {
  std::int64_t total = 0;
  for (const PlanNode& node : impl_->nodes) total += node.op->packed_bytes();
  return total;
}

}  // namespace lamina
