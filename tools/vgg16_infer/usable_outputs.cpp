#include "tools/vgg16_infer/usable_outputs.h"

#include "tools/support/failure.h"
#include "tools/vgg16_infer/model_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::tools {
namespace {

constexpr const char* kFeaturesOnly = "IMAGENET1K_FEATURES";

// Weights are NaN because somebody filled them so, or because a training went astray; either way
// the first elements tell. All of them would have to be read from the disk.
bool is_not_numbers(const Tensor& weight) {
  constexpr std::int64_t kLooked = 16;
  if (!is_floating(weight.dtype()) || weight.numel() == 0) return false;
  const std::int64_t count = std::min(kLooked, weight.numel());
  const Tensor first =
      weight.contiguous().reshape({weight.numel()}).slice(0, 0, count).to(DType::f32);
  return std::ranges::all_of(first.values<float>(), [](float value) { return std::isnan(value); });
}

std::vector<std::string> weights_that_are_not_numbers(const Model& model) {
  std::vector<std::string> names;
  for (const auto& [name, weight] : model.module().named_parameters()) {
    if (is_not_numbers(weight)) names.push_back(name);
  }
  return names;
}

// Whether the output of `layer` comes after, or contains, the layer `first`; both are paths.
bool follows(const Model& model, std::string_view layer, std::string_view first) {
  if (first.starts_with(std::string(layer) + ".")) return true;
  const auto modules = model.module().named_modules();
  const auto place = [&](std::string_view path) {
    return std::ranges::find_if(modules, [&](const auto& entry) { return entry.first == path; });
  };
  return place(layer) >= place(first);
}

void refuse_what_follows(const Model& model, const InferOptions& options,
                         const std::vector<std::string>& names) {
  const std::string first = names.front().substr(0, names.front().rfind('.'));
  const std::string why =
      fmt::format("not numbers in {}: {}", model.info().weights, fmt::join(names, ", "));
  if (options.features.empty() || options.wants_heat_maps()) {
    throw UsageError("weights without a classifier tell no classes: " + why,
                     "--features features.30 --features-out FILE.npy gives what they compute");
  }
  if (options.logits || !options.logits_out.empty()) {
    throw UsageError("weights without a classifier have no logits: " + why);
  }
  for (const std::string& layer : options.features) {
    if (!follows(model, layer, first)) continue;
    throw UsageError(fmt::format("--features {} would be no numbers: {}", layer, why),
                     fmt::format("the layers before {} can be had", first));
  }
}

}  // namespace

std::int64_t usable_topk(const Model& model, const InferOptions& options, const Console& console) {
  const std::vector<std::string> names = weights_that_are_not_numbers(model);
  if (!names.empty()) {
    refuse_what_follows(model, options, names);
    if (model.info().weights != kFeaturesOnly && !options.mean && !options.std) {
      console.note(
          "if these are the published {}: they want --mean 0.48235,0.45882,0.40784 "
          "--std 0.00392157",
          kFeaturesOnly);
    }
    return 0;
  }
  const std::int64_t classes = class_count(model);
  if (classes == 0 || options.topk <= classes) return options.topk;
  console.note("the model has {} classes: --topk {} gives them all", classes, options.topk);
  return classes;
}

}  // namespace lamina::tools
