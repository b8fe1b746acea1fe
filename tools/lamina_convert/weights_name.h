// Names of published weights, as users write them.
#pragma once

#include "models/published_weights.h"

#include <string>
#include <vector>

namespace lamina::tools {

/// "vgg16" (its default weights), "vgg16.IMAGENET1K_FEATURES" or the same with a colon. Throws
/// UsageError; the hint is the nearest name.
const models::detail::PublishedWeights& published_weights_named(const std::string& name);

/// What completion offers: the models, and those of their weights that are no model's default.
std::vector<std::string> published_weights_names();

/// "vgg16.IMAGENET1K_V1"
std::string full_name(const models::detail::PublishedWeights& weights);

}  // namespace lamina::tools
