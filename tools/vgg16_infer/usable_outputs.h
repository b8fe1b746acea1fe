// Weights without a classifier: what may be asked of them.
#pragma once

#include "tools/support/console.h"
#include "tools/vgg16_infer/options.h"

#include <lamina/models/model.h>

#include <cstdint>

namespace lamina::tools {

/// How many classes can be named: --topk, or fewer where the model has fewer; 0 where the logits
/// would be no numbers. Published features (IMAGENET1K_FEATURES) are made so: their classifier is
/// NaN. Errors: UsageError where no more than such logits, or features that follow from them, were
/// asked for.
std::int64_t usable_topk(const Model& model, const InferOptions& options, const Console& console);

}  // namespace lamina::tools
