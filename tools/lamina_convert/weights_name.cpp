#include "tools/lamina_convert/weights_name.h"

#include "core/nearest.h"
#include "tools/support/failure.h"

#include <lamina/models/vgg.h>

#include <fmt/format.h>

#include <vector>

namespace lamina::tools {

using models::detail::PublishedWeights;

std::string full_name(const PublishedWeights& weights) {
  return fmt::format("{}.{}", weights.model, weights.name);
}

std::vector<std::string> published_weights_names() {
  std::vector<std::string> names = models::model_names();
  for (const PublishedWeights& weights : models::detail::published_weights()) {
    if (models::detail::find_published(weights.model, "DEFAULT") != &weights) {
      names.push_back(full_name(weights));
    }
  }
  return names;
}

const PublishedWeights& published_weights_named(const std::string& name) {
  const std::size_t separator = name.find_first_of(".:");
  const std::string model = name.substr(0, separator);
  const std::string set = separator == std::string::npos ? "DEFAULT" : name.substr(separator + 1);
  if (const auto* found = models::detail::find_published(model, set)) return *found;
  std::vector<std::string> names = models::model_names();
  for (const PublishedWeights& weights : models::detail::published_weights()) {
    names.push_back(full_name(weights));
  }
  const auto nearest = nearest_name(name, names);
  throw UsageError(fmt::format("no published weights have this name: {}", name),
                   nearest ? fmt::format("did you mean '{}'?", *nearest)
                           : "a model's name, vgg16 for instance, or one set of its weights, "
                             "vgg16.IMAGENET1K_FEATURES");
}

}  // namespace lamina::tools
