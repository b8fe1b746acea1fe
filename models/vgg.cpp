#include <lamina/models/vgg.h>

#include "core/nearest.h"
#include "models/vgg_module.h"
#include "models/weight_names.h"
#include "models/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace lamina::models {

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const detail::VggConfig& config : detail::vgg_configs()) names.emplace_back(config.name);
  return names;
}

Model make_model(const std::string& name, const VggOptions& options) {
  const auto& configs = detail::vgg_configs();
  const auto config = std::find_if(configs.begin(), configs.end(),
                                   [&](const auto& entry) { return entry.name == name; });
  if (config == configs.end()) {
    const auto nearest = nearest_name(name, model_names());
    throw InvalidArgument(fmt::format("[models] there is no model '{}'", name),
                          nearest ? fmt::format("did you mean '{}'?", *nearest)
                                  : fmt::format("there are {}", fmt::join(model_names(), ", ")));
  }
  const auto module = detail::make_vgg(*config, options.num_classes, options.dropout);
  ModelInfo info = detail::apply_weights(*module, *config, options);
  return {module, std::move(info)};
}

Model make_model_from(const StateDict& weights) {
  const std::optional<StateDict> bare = detail::without_data_parallel(weights);
  const StateDict& state = bare ? *bare : weights;
  const std::optional<detail::Fit> fit = detail::find_fit(state);
  if (!fit || !fit->has_classifier() || !fit->prefix.empty() || fit->timm) {
    throw StateDictError("[models] the tensors are not those of a torchvision VGG",
                         detail::describe_misfit(state, fit, ""));
  }
  Model model = make_model(fit->model, {.num_classes = fit->num_classes, .init_weights = false});
  model.load_state_dict(state);
  model.eval();
  return model;
}

Model vgg11(const VggOptions& options) { return make_model("vgg11", options); }
Model vgg11_bn(const VggOptions& options) { return make_model("vgg11_bn", options); }
Model vgg13(const VggOptions& options) { return make_model("vgg13", options); }
Model vgg13_bn(const VggOptions& options) { return make_model("vgg13_bn", options); }
Model vgg16(const VggOptions& options) { return make_model("vgg16", options); }
Model vgg16_bn(const VggOptions& options) { return make_model("vgg16_bn", options); }
Model vgg19(const VggOptions& options) { return make_model("vgg19", options); }
Model vgg19_bn(const VggOptions& options) { return make_model("vgg19_bn", options); }

}  // namespace lamina::models
