#include <lamina/nn/session.h>

#include <lamina/core/threads.h>

#include "core/cpu_features.h"
#include "core/log_internal.h"
#include "core/require.h"
#include "nn/eval_mode.h"
#include "nn/input.h"
#include "nn/session/backend.h"
#include "nn/session/copy_op.h"
#include "nn/session/device_choice.h"
#include "nn/session/output_pool.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace lamina {
namespace {

using nn::detail::Backend;
using nn::detail::BackendOptions;
using nn::detail::choose_device;
using nn::detail::CopyOp;
using nn::detail::DeviceChoice;
using nn::detail::find_cuda_devices;
using nn::detail::is_precision_of;
using nn::detail::OutputPool;
using nn::detail::PlanBuilder;
using nn::detail::PlanNode;
using nn::detail::precisions_of;

Device resolve_device(const std::string& text) {
  // The driver is not started for nothing.
  if (text == "cpu") return {};
  const DeviceChoice choice = choose_device(text, find_cuda_devices());
  if (!choice.why.empty()) {
    const bool on_cpu = choice.device.type == DeviceType::cpu;
    log(LogLevel::info, "device: {} ({}{})", to_string(choice.device),
        on_cpu ? cpu_model_name() + "; " : "", choice.why);
  }
  return choice.device;
}

void check_precision(const std::string& precision) {
  const bool known =
      is_precision_of(DeviceType::cpu, precision) || is_precision_of(DeviceType::cuda, precision);
  LAMINA_REQUIRE(known, "[session] '{}' is not a precision", precision);
}

void check_precision_of(DeviceType device, const std::string& precision) {
  if (is_precision_of(device, precision)) return;
  throw Unsupported(fmt::format("[session] precision '{}' is not available on {}", precision,
                                device == DeviceType::cuda ? "cuda" : "cpu"),
                    fmt::format("available: {}", fmt::join(precisions_of(device), ", ")));
}

void check_input_ranges(const InputRanges& ranges, const std::vector<PlanNode>& nodes) {
  for (const auto& [name, range] : ranges) {
    LAMINA_REQUIRE(std::isfinite(range) && range >= 0, "[session] input_ranges['{}'] is {}", name,
                   range);
    const bool known = std::any_of(nodes.begin(), nodes.end(), [&](const PlanNode& node) {
      return node.name == name && node.op->takes_input_range();
    });
    LAMINA_REQUIRE(
        known, "[session] input_ranges['{}']: the model has no such convolution or linear layer",
        name);
  }
}

std::unique_ptr<Backend> make_backend(const nn::Module& module, const SessionOptions& options,
                                      const BackendOptions& backend) {
  std::vector<PlanNode> nodes = PlanBuilder(module, options.outputs).fuse();
  check_input_ranges(options.input_ranges, nodes);
  if (nodes.empty()) nodes.push_back({std::make_unique<CopyOp>(), "", {}});
  return backend.device.type == DeviceType::cuda ? make_cuda_backend(std::move(nodes), backend)
                                                 : make_cpu_backend(std::move(nodes), backend);
}

}  // namespace

struct Session::Impl {
  SessionOptions options;
  Device device;
  int threads;
  std::unique_ptr<Backend> backend;
  // Of the model's result, then of each requested output.
  std::vector<OutputPool> pools;
  std::vector<Tensor> current;
  std::vector<float*> targets;

  void acquire_outputs(std::int64_t n) {
    for (std::size_t i = 0; i < pools.size(); ++i) {
      current[i] = Tensor();
      current[i] = pools[i].acquire(backend->values()[i].with(0, n));
      targets[i] = n > 0 ? current[i].mutable_data<float>() : nullptr;
    }
  }
};

Session::Session(const nn::Module& module, SessionOptions options)
    : impl_(std::make_unique<Impl>()) {
  LAMINA_REQUIRE(options.max_batch >= 1, "[session] max_batch={}", options.max_batch);
  LAMINA_REQUIRE(options.threads >= 0, "[session] threads={}", options.threads);
  check_precision(options.precision);
  nn::require_eval_mode("session", module);
  impl_->device = resolve_device(options.device);
  check_precision_of(impl_->device.type, options.precision);
  if (options.record_input_ranges && impl_->device.type != DeviceType::cpu) {
    throw Unsupported("[session] input ranges are recorded on the processor only",
                      "give device \"cpu\"");
  }
  impl_->threads = options.threads > 0 ? options.threads : available_threads();
  impl_->backend = make_backend(module, options,
                                {.device = impl_->device,
                                 .precision = options.precision,
                                 .threads = impl_->threads,
                                 .output_count = options.outputs.size(),
                                 .profile = options.profile,
                                 .input_ranges = options.input_ranges,
                                 .record_input_ranges = options.record_input_ranges,
                                 .between_passes = options.between_passes});
  impl_->pools.resize(1 + options.outputs.size());
  impl_->current.resize(impl_->pools.size());
  impl_->targets.resize(impl_->pools.size());
  impl_->options = std::move(options);
}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Tensor Session::run(const Tensor& given) {
  const Tensor batch = nn::f32_input("session", given);
  LAMINA_REQUIRE(batch.rank() >= 2, "[session] input {} has no batch axis", batch.shape());
  impl_->backend->prepare(batch.shape().with(0, impl_->options.max_batch));
  impl_->acquire_outputs(batch.size(0));
  if (batch.numel() > 0) impl_->backend->run(batch, impl_->targets);
  // The session keeps no handle of its own, so that the caller's letting go frees the memory for
  // the next run.
  return std::exchange(impl_->current[0], Tensor());
}

Tensor Session::output(std::string_view name) const {
  const auto& names = impl_->options.outputs;
  const auto found = std::find(names.begin(), names.end(), name);
  LAMINA_REQUIRE(found != names.end(), "[session] '{}' was not asked for in options.outputs", name);
  const Tensor& value = impl_->current[static_cast<std::size_t>(found - names.begin()) + 1];
  LAMINA_REQUIRE(value.defined(), "[session] nothing has been run yet");
  return value;
}

Device Session::device() const { return impl_->device; }
int Session::threads() const { return impl_->threads; }
std::vector<Session::Step> Session::steps() const { return impl_->backend->steps(); }
InputRanges Session::input_ranges() const { return impl_->backend->input_ranges(); }
double Session::device_ms() const { return impl_->backend->device_ms(); }
std::int64_t Session::arena_bytes() const { return impl_->backend->arena_bytes(); }
std::int64_t Session::packed_bytes() const { return impl_->backend->packed_bytes(); }

}  // namespace lamina
