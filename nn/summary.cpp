#include <lamina/nn/summary.h>

#include "nn/session/plan_builder.h"

namespace lamina::nn {

std::vector<LayerSummary> summarize(const Module& module, const Shape& input) {
  const detail::PlanBuilder plan(module, {});
  std::vector<Shape> values{input};  // values[i] is what step i reads
  std::vector<std::int64_t> macs;
  for (const detail::PlanNode& node : plan.nodes()) {
    macs.push_back(node.op->macs(values.back()));
    values.push_back(node.op->output_shape(values.back()));
  }
  std::vector<LayerSummary> result;
  for (const detail::PlanLeaf& leaf : plan.leaves()) {
    LayerSummary layer{.name = leaf.name,
                       .type = leaf.module->type_name(),
                       .output = values[leaf.steps_after],
                       .parameters = leaf.module->parameter_count()};
    for (std::size_t step = leaf.steps_before; step < leaf.steps_after; ++step) {
      layer.macs += macs[step];
    }
    result.push_back(std::move(layer));
  }
  return result;
}

}  // namespace lamina::nn
