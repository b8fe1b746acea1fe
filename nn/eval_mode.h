// What sessions and heat maps ask of a model: that no layer is in train mode.
#pragma once

#include <lamina/nn/module.h>

#include <string_view>

namespace lamina::nn {

/// Throws InvalidArgument, "[caller] layer 'x' is in train mode", for the first layer that is.
void require_eval_mode(std::string_view caller, const Module& module);

}  // namespace lamina::nn
