// --summary and --print-model: looking at a model without running it.
#pragma once

#include <lamina/models/model.h>

#include <string>

namespace lamina::tools {

/// A line a layer: shape, parameters, MACs for one image, bytes of its output and weights; totals.
std::string summary_text(const Model& model);

}  // namespace lamina::tools
