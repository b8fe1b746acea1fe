// From -m, -w and --labels to a model that can run.
#pragma once

#include "tools/support/run_main.h"
#include "tools/vgg16_infer/options.h"

#include <lamina/models/model.h>

namespace lamina::tools {

/// The model with its weights, in eval mode, its transforms as the options say. Errors: those of
/// make_model() and load_model(); UsageError where the labels are not as many as the classes.
Model load_model_for(const InferOptions& options, const Context& context);

/// The same without weights, for --summary and --print-model: quick, and no file is needed but one
/// that -m names.
Model model_without_weights(const InferOptions& options);

/// Classes the model tells apart, from its last layer with weights; 0 where that is not clear.
std::int64_t class_count(const Model& model);

}  // namespace lamina::tools
