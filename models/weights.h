// Weights for a VGG by the name that a user gives: a seed, a published set, or a file.
#pragma once

#include "models/vgg_module.h"

#include <lamina/models/model.h>
#include <lamina/models/vgg.h>

namespace lamina::models::detail {

/// Fills the parameters of `module`, which is of that configuration, as `options` say, and returns
/// what is known of them.
/// Errors:   those of make_model()
ModelInfo apply_weights(VGG& module, const VggConfig& config, const VggOptions& options);

}  // namespace lamina::models::detail
