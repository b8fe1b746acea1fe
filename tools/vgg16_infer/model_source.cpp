#include "tools/vgg16_infer/model_source.h"

#include "models/vgg_module.h"
#include "models/weight_names.h"
#include "tools/support/failure.h"
#include "tools/support/text.h"
#include "tools/support/weight_fit.h"

#include <lamina/models/vgg.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace lamina::tools {
namespace {

constexpr const char* kDefaultWeights = "IMAGENET1K_V1";

bool names_a_file(const std::string& model) {
  const std::vector<std::string> known = models::model_names();
  if (std::find(known.begin(), known.end(), model) != known.end()) return false;
  std::error_code error;
  return model.find('/') != std::string::npos || model.ends_with(".lamina") ||
         std::filesystem::exists(model, error);
}

bool is_random(const std::string& weights) {
  return weights == "random" || weights.starts_with("random:");
}

std::vector<std::string> read_labels(const std::string& path) {
  std::ifstream file(path);
  if (!file)
    throw IoError(fmt::format("cannot read the labels: {}: {}", std::strerror(errno), path));
  std::vector<std::string> labels;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) line.pop_back();
    labels.push_back(line);
  }
  return labels;
}

void set_labels(Model& model, const std::string& path) {
  std::vector<std::string> labels = read_labels(path);
  const std::int64_t classes = class_count(model);
  if (classes > 0 && static_cast<std::int64_t>(labels.size()) != classes) {
    throw UsageError(
        fmt::format("{} labels for {} classes: --labels {}", labels.size(), classes, path),
        "one label a line, in the order of the logits");
  }
  model.info().labels = std::move(labels);
}

void set_transforms(Model& model, const InferOptions& options) {
  vision::Transforms& transforms = model.info().transforms;
  if (options.resize >= 0) transforms.resize = options.resize;
  if (options.crop >= 0) transforms.crop = options.crop;
  if (options.mean) transforms.mean = *options.mean;
  if (options.std) transforms.std = *options.std;
}

// The options alone say it; else the last pooling would, of sizes that nobody asked for.
void check_picture_side(const Model& model) {
  const auto* vgg = dynamic_cast<const models::VGG*>(&model.module());
  const vision::Transforms& transforms = model.info().transforms;
  const std::int64_t side = transforms.crop > 0 ? transforms.crop : transforms.resize;
  if (vgg == nullptr || side <= 0 || side >= vgg->smallest_side()) return;
  throw UsageError(fmt::format("pictures of {} x {} pixels are too small, VGG needs {} x {}", side,
                               side, vgg->smallest_side(), vgg->smallest_side()),
                   "see --resize and --crop");
}

Model from_file(const InferOptions& options, const Context& context) {
  Progress progress("load", Progress::Unit::bytes, context.progress);
  Model model = load_model(options.model, {.progress = progress.callback()});
  if (options.weights.empty()) return model;
  if (is_random(options.weights) || options.weights == kDefaultWeights ||
      options.weights == "DEFAULT") {
    throw UsageError(
        fmt::format("a model from a file has no published or random weights: --weights {}",
                    options.weights),
        "leave --weights out, or name a file");
  }
  const StateDict tensors = load(options.weights, {.progress = progress.callback()});
  const auto bare = models::detail::without_data_parallel(tensors);
  if (bare) context.console.note("'module.' taken off every name: {}", options.weights);
  try {
    model.load_state_dict(bare ? *bare : tensors);
  } catch (const StateDictError& error) {
    throw StateDictError(fmt::format("[{}] {}: {}", options.model, models::detail::report_of(error),
                                     options.weights),
                         error.hint());
  }
  model.info().weights = options.weights;
  return model;
}

Model named_model(const std::string& name, const std::string& weights, const Context& context) {
  Progress progress("download", Progress::Unit::bytes, context.progress);
  try {
    return models::make_model(name,
                              {.weights = weights, .on_progress = progress.resuming_callback()});
  } catch (const StateDictError& error) {
    // In the program's options, where the library speaks of its arguments.
    std::error_code ignored;
    const bool is_file = std::filesystem::exists(weights, ignored);
    throw StateDictError(error.what(), is_file ? infer_hint(weights, name) : error.hint());
  }
}

Model by_name(const InferOptions& options, const Context& context) {
  const std::string weights = options.weights.empty() ? kDefaultWeights : options.weights;
  Model model = named_model(options.model, weights, context);
  if (is_random(weights)) {
    context.console.warning("the weights are random: the answers mean nothing");
  }
  return model;
}

}  // namespace

std::int64_t class_count(const Model& model) {
  const auto parameters = model.module().named_parameters();
  const auto last = std::find_if(parameters.rbegin(), parameters.rend(),
                                 [](const auto& named) { return named.second.rank() == 2; });
  return last == parameters.rend() ? 0 : last->second.size(0);
}

Model load_model_for(const InferOptions& options, const Context& context) {
  Model model =
      names_a_file(options.model) ? from_file(options, context) : by_name(options, context);
  model.eval();
  set_transforms(model, options);
  check_picture_side(model);
  if (!options.labels.empty()) set_labels(model, options.labels);
  return model;
}

Model model_without_weights(const InferOptions& options) {
  Model model = names_a_file(options.model)
                    ? load_model(options.model)
                    : models::make_model(options.model, {.init_weights = false});
  set_transforms(model, options);
  return model;
}

}  // namespace lamina::tools
