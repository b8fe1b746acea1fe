#include "nn/eval_mode.h"

#include <lamina/core/error.h>

#include <fmt/format.h>

namespace lamina::nn {

void require_eval_mode(std::string_view caller, const Module& module) {
  for (const auto& [name, part] : module.named_modules()) {
    if (!part->training()) continue;
    throw InvalidArgument(fmt::format("[{}] {} is in train mode", caller,
                                      name.empty() ? "the model" : "layer '" + name + "'"),
                          "call eval() first");
  }
}

}  // namespace lamina::nn
