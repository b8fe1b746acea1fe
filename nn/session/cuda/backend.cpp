// The plan on a CUDA device: one graph for each batch size, and copies beside it.
#include "nn/session/backend.h"

#include "core/require.h"
#include "nn/session/cuda/plan.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <optional>
#include <string_view>

namespace lamina::nn::detail {
namespace {

namespace cuda = kernels::cuda;

// A batch's images as they come, twice: one is read while the next is uploaded.
struct InputBuffer {
  cuda::DeviceMemory memory;
  cuda::Event uploaded, consumed;
};

void check_fp8(const BackendOptions& options) {
  const cuda::DeviceProperties device = cuda::device_properties(options.device.index);
  if (device.compute_major != 9) {
    throw Unsupported(
        fmt::format("[session] fp8 needs Hopper's tensor cores, compute capability "
                    "9.0; {} has {}.{}",
                    to_string(options.device), device.compute_major, device.compute_minor),
        "use bf16 or fp16");
  }
  if (options.input_ranges.empty()) {
    throw Unsupported(
        "[session] fp8 needs to know how large the inputs of layers become, and the model says "
        "nothing of it",
        "calibrate on example pictures: vgg16-infer --calibrate DIR, lamina-convert convert "
        "--calibrate DIR, or SessionOptions::record_input_ranges");
  }
}

// What only emulation has proved so far is taken where a user says so: "wgmma" is Hopper's tensor
// cores, "hopper" these and kernels that start while the one before still runs.
std::string_view wished_plan() {
  const char* const value = std::getenv("LAMINA_CUDA_PLAN");
  return value != nullptr ? value : "";
}

class CudaBackend : public Backend {
 public:
  CudaBackend(std::vector<PlanNode> nodes, const BackendOptions& options)
      : nodes_(std::move(nodes)), options_(options) {
    const cuda::ScopedDevice device(options.device.index);
    if (options.precision == "fp8") check_fp8(options);
    compute_.emplace();
    copy_.emplace();
    begin_.emplace();
    end_.emplace();
    for (InputBuffer& buffer : inputs_.emplace()) buffer.uploaded.record(*copy_);
  }

  ~CudaBackend() override {
    try {
      const cuda::ScopedDevice device(options_.device.index);
      release();
      inputs_.reset();
      begin_.reset();
      end_.reset();
      copy_.reset();
      compute_.reset();
    } catch (const Error&) {
      // The device is lost, and with it what is to be released.
    }
  }

  void prepare(const Shape& input) override {
    if (plan_ && plan_->input() == input) return;
    const cuda::ScopedDevice device(options_.device.index);
    compute_->synchronize();
    release();
    try {
      lay_out(input);
    } catch (const DeviceError& error) {
      release();
      throw DeviceError(
          error.what(),
          fmt::format("this was for batches of {}; smaller ones need less memory, and "
                      "so do fp16 and bf16",
                      input[0]));
    }
  }

  const std::vector<Shape>& values() const override { return plan_->value_shapes(); }

  // While a pass is computed, the images of the next are on their way.
  void run(const Tensor& batch, std::span<float* const> targets) override {
    const cuda::ScopedDevice device(options_.device.index);
    const std::int64_t n = batch.size(0), pass = plan_->input()[0];
    device_ms_ = 0;
    upload_pass(batch, 0);
    for (std::int64_t first = 0, i = 0; first < n; first += pass, ++i) {
      if (first > 0) between_passes();
      enqueue_pass((*inputs_)[static_cast<std::size_t>(i % 2)], std::min(pass, n - first));
      upload_pass(batch, i + 1);
      download_pass(first, std::min(pass, n - first), targets);
    }
  }

  std::vector<Session::Step> steps() const override {
    std::vector<Session::Step> result;
    if (!plan_) return result;
    for (std::size_t i = 0; i < plan_->steps().size(); ++i) {
      const CudaPlacedStep& placed = plan_->steps()[i];
      const Shape one = placed.input.shape.with(0, 1);
      result.push_back({.name = placed.name,
                        .what = placed.what,
                        .plan = placed.step.plan,
                        .output = placed.output.shape.with(0, 1),
                        .macs = placed.op != nullptr ? placed.op->macs(one) : 0,
                        .time_ms = times_ms_.empty() ? 0 : times_ms_[i]});
    }
    return result;
  }

  double device_ms() const override { return device_ms_; }
  std::int64_t arena_bytes() const override {
    return plan_ ? plan_->arena_bytes() + 2 * (*inputs_)[0].memory.size_bytes() : 0;
  }
  std::int64_t packed_bytes() const override { return plan_ ? plan_->weight_bytes() : 0; }

 private:
  // The caller's images are read by the upload that is under way: who ends the run waits for it.
  void between_passes() {
    if (!options_.between_passes) return;
    try {
      options_.between_passes();
    } catch (...) {
      copy_->synchronize();
      throw;
    }
  }

  void lay_out(const Shape& input) {
    const std::string_view wish = wished_plan();
    const bool fp8 = options_.precision == "fp8";  // has no other kernels
    const CudaContext context{.device = options_.device.index,
                              .properties = cuda::device_properties(options_.device.index),
                              .precision = cuda::precision_named(options_.precision),
                              .stream = &*compute_,
                              .max_batch = input[0],
                              .input_ranges = options_.input_ranges,
                              .may_wgmma = wish == "wgmma" || wish == "hopper" || fp8};
    compute_->set_overlaps(wish == "hopper" && context.properties.compute_major >= 9);
    plan_.emplace(nodes_, input, context, options_.output_count);
    const std::int64_t bytes = input.numel() * std::int64_t{sizeof(float)};
    for (InputBuffer& buffer : *inputs_) buffer.memory = cuda::DeviceMemory(bytes);
    if (options_.profile) {
      marks_.resize(plan_->steps().size() + 1);
      times_ms_.assign(plan_->steps().size(), 0);
    }
  }

  void release() {
    graphs_.clear();
    marks_.clear();
    for (InputBuffer& buffer : *inputs_) buffer.memory = cuda::DeviceMemory();
    plan_.reset();
  }

  void upload_pass(const Tensor& batch, std::int64_t i) {
    const std::int64_t n = batch.size(0), pass = plan_->input()[0], first = i * pass;
    if (first >= n) return;
    InputBuffer& buffer = (*inputs_)[static_cast<std::size_t>(i % 2)];
    if (i >= 2) copy_->wait(buffer.consumed);
    const std::int64_t per_image = batch.numel() / n;
    cuda::upload(buffer.memory.data(), batch.data<float>() + first * per_image,
                 std::min(pass, n - first) * per_image * std::int64_t{sizeof(float)}, *copy_);
    buffer.uploaded.record(*copy_);
  }

  void enqueue_pass(InputBuffer& buffer, std::int64_t n) {
    compute_->wait(buffer.uploaded);
    // Captured before the clock starts.
    const cuda::Graph* const graph = options_.profile ? nullptr : &graph_for(n);
    begin_->record(*compute_);
    if (graph == nullptr) {
      enqueue_profiled(buffer, n);
    } else {
      plan_->enqueue_input(*compute_, buffer.memory.data(), n);
      buffer.consumed.record(*compute_);
      graph->launch(*compute_);
    }
    end_->record(*compute_);
  }

  const cuda::Graph& graph_for(std::int64_t n) {
    const auto found = graphs_.find(n);
    if (found != graphs_.end()) return found->second;
    cuda::Graph graph =
        cuda::Graph::capture(*compute_, [&] { plan_->enqueue_steps(*compute_, n); });
    return graphs_.emplace(n, std::move(graph)).first->second;
  }

  // Step by step, with an event behind each; the times of all passes of a run add up.
  void enqueue_profiled(InputBuffer& buffer, std::int64_t n) {
    marks_[0].record(*compute_);
    plan_->enqueue_input(*compute_, buffer.memory.data(), n);
    buffer.consumed.record(*compute_);
    marks_[1].record(*compute_);
    plan_->enqueue_steps(*compute_, n, [&](std::size_t i) { marks_[i + 1].record(*compute_); });
  }

  void download_pass(std::int64_t first, std::int64_t n, std::span<float* const> targets) {
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const Shape& shape = plan_->value_shapes()[i];
      const std::int64_t per_image = shape.numel() / shape[0];
      if (n * per_image == 0) continue;
      cuda::download(targets[i] + first * per_image, plan_->value(i),
                     n * per_image * std::int64_t{sizeof(float)}, *compute_);
    }
    compute_->synchronize();
    device_ms_ += double{end_->milliseconds_since(*begin_)};
    if (!options_.profile) return;
    if (first == 0) std::fill(times_ms_.begin(), times_ms_.end(), 0.0);
    for (std::size_t i = 0; i < times_ms_.size(); ++i) {
      times_ms_[i] += double{marks_[i + 1].milliseconds_since(marks_[i])};
    }
  }

  std::vector<PlanNode> nodes_;
  BackendOptions options_;
  // Made on their device, and released there.
  std::optional<cuda::Stream> compute_, copy_;
  std::optional<std::array<InputBuffer, 2>> inputs_;
  std::optional<cuda::Event> begin_, end_;  // of a pass, without its copies
  std::optional<CudaPlan> plan_;
  std::map<std::int64_t, cuda::Graph> graphs_;  // by batch size, captured at its first run
  std::vector<cuda::Event> marks_;
  std::vector<double> times_ms_;
  double device_ms_ = 0;
};

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(std::vector<PlanNode> nodes,
                                           const BackendOptions& options) {
  return std::make_unique<CudaBackend>(std::move(nodes), options);
}

}  // namespace lamina::nn::detail
