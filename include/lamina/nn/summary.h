// What a model is made of: shapes, parameters, multiply-accumulates; computed, nothing is run.
#pragma once

#include <lamina/core/export.h>
#include <lamina/nn/module.h>

#include <string>
#include <vector>

namespace lamina::nn {

struct LayerSummary {
  std::string name;  ///< dotted path
  std::string type;
  Shape output;
  std::int64_t parameters = 0;  ///< of the layer itself
  std::int64_t macs = 0;        ///< multiply-accumulates for the whole input
};

/// Leaf modules in the order they run. Throws InvalidArgument where the input does not fit.
LAMINA_API std::vector<LayerSummary> summarize(const Module& module, const Shape& input);

}  // namespace lamina::nn
