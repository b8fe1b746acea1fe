#include "tools/vgg16_infer/batch_runner.h"

#include "core/cpu_features.h"
#include "core/require.h"
#include "tools/support/failure.h"
#include "tools/support/text.h"
#include "tools/vgg16_infer/usable_outputs.h"

#include <lamina/nn/top_classes.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace lamina::tools {
namespace {

using Clock = std::chrono::steady_clock;

SessionOptions session_options(const InferOptions& options, const Model& model,
                               std::int64_t max_batch, const std::string& heat_layer) {
  std::vector<std::string> outputs = options.features;
  if (!heat_layer.empty() && std::ranges::find(outputs, heat_layer) == outputs.end()) {
    outputs.push_back(heat_layer);
  }
  return {.device = options.device,
          .precision = options.precision,
          .threads = static_cast<int>(options.threads),
          .max_batch = max_batch,
          .outputs = std::move(outputs),
          .profile = options.profile,
          .input_ranges = model.info().input_ranges};
}

std::optional<NpyOutput> npy_output(const std::string& path) {
  return path.empty() ? std::nullopt : std::optional<NpyOutput>(path);
}

}  // namespace

BatchRunner::BatchRunner(const Model& model, const InferOptions& options, std::int64_t max_batch,
                         const std::string& heat_layer, const Console& console)
    : options_(options),
      heat_layer_(heat_layer),
      labels_(model.info().labels),
      topk_(usable_topk(model, options, console)),
      session_(model, session_options(options, model, max_batch, heat_layer)),
      logits_file_(npy_output(options.logits_out)),
      input_file_(npy_output(options.save_input)) {
  const bool npy = options.features_out.ends_with(".npy");
  if (npy) feature_file_ = npy_output(options.features_out);
  if (!npy && !options.features_out.empty()) {
    features_file_.emplace(options.features_out, options.features);
  }
}

Tensor BatchRunner::gather(const std::vector<ReadyImage>& batch) {
  const auto good = [](const ReadyImage& image) { return image.error.empty(); };
  const auto count = std::count_if(batch.begin(), batch.end(), good);
  const auto first = std::find_if(batch.begin(), batch.end(), good);
  if (first == batch.end()) return {};
  const Shape& one = first->pixels.shape();
  const Shape shape{count, one[0], one[1], one[2]};
  if (!input_.defined() || input_.shape() != shape) input_ = Tensor::empty(shape);
  float* out = input_.mutable_data<float>();
  for (const ReadyImage& image : batch) {
    if (!image.error.empty()) continue;
    std::memcpy(out, image.pixels.data<float>(), static_cast<std::size_t>(image.pixels.nbytes()));
    out += image.pixels.numel();
  }
  return input_;
}

std::vector<Result> BatchRunner::run(const std::vector<ReadyImage>& batch) {
  const Tensor input = gather(batch);
  double infer_ms = 0;
  if (input.defined()) {
    const auto start = Clock::now();
    logits_ = session_.run(input);
    infer_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count() /
               static_cast<double>(input.size(0));
    LAMINA_REQUIRE(logits_.rank() == 2, "[vgg16-infer] the model gives {}, not [n, classes]",
                   logits_.shape());
    write_files(input);
    if (options_.profile) profile_.add(session_.steps(), input.size(0));
  }
  std::vector<Result> results;
  std::int64_t row = 0;
  for (const ReadyImage& image : batch) {
    Result result{.path = image.input->path,
                  .error = image.error,
                  .width = image.width,
                  .height = image.height,
                  .top = {},
                  .logits = {},
                  .activation = {},
                  .heatmap = {},
                  .decode_ms = image.decode_ms,
                  .preprocess_ms = image.preprocess_ms,
                  .infer_ms = infer_ms};
    if (image.error.empty()) fill(result, row++);
    results.push_back(std::move(result));
  }
  return results;
}

void BatchRunner::fill(Result& result, std::int64_t row) const {
  const std::int64_t classes = logits_.size(1);
  result.logits = {logits_.data<float>() + row * classes, static_cast<std::size_t>(classes)};
  if (!heat_layer_.empty()) {
    result.activation = session_.output(heat_layer_).slice(0, row, row + 1);
  }
  for (const ClassScore& best : top_classes(result.logits, topk_)) {
    const auto at = static_cast<std::size_t>(best.index);
    result.top.push_back({.index = best.index,
                          .label = at < labels_.size() ? labels_[at] : "",
                          .probability = best.probability,
                          .logit = best.logit});
  }
}

void BatchRunner::write_files(const Tensor& input) {
  if (input_file_) input_file_->append(input);
  if (logits_file_) logits_file_->append(logits_);
  if (feature_file_) feature_file_->append(session_.output(options_.features.front()));
  if (!features_file_) return;
  for (std::size_t i = 0; i < options_.features.size(); ++i) {
    features_file_->append(i, session_.output(options_.features[i]));
  }
}

std::string BatchRunner::where() const {
  if (session_.device().type == DeviceType::cuda) return device();
  return fmt::format("{}, {} threads, {}", device(), session_.threads(),
                     to_string(usable_cpu_features().isa));
}

std::string BatchRunner::memory() const {
  return fmt::format("activations {}, packed weights {}",
                     human_bytes(static_cast<double>(session_.arena_bytes())),
                     human_bytes(static_cast<double>(session_.packed_bytes())));
}

bool BatchRunner::has_files() const {
  return logits_file_ || input_file_ || feature_file_ || features_file_;
}

std::vector<std::string> BatchRunner::finish() {
  std::vector<std::string> unwritten;
  const auto finish_one = [&](auto& file, const std::string& path) {
    if (file && !file->finish()) unwritten.push_back(path);
  };
  finish_one(input_file_, options_.save_input);
  finish_one(logits_file_, options_.logits_out);
  finish_one(feature_file_, options_.features_out);
  finish_one(features_file_, options_.features_out);
  return unwritten;
}

}  // namespace lamina::tools
