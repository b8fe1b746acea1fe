#include "nn/session/plan_builder.h"

#include "nn/session/copy_op.h"

#include <utility>

namespace lamina::nn::detail {

PlanBuilder::PlanBuilder(const Module& root, const std::vector<std::string>& outputs)
    : requested_(outputs) {
  for (const std::string& name : outputs) root.get_submodule(name);  // throws for an unknown one
  visit("", root);
}

void PlanBuilder::add(std::unique_ptr<Op> op) { nodes_.push_back({std::move(op), path_, {}}); }

void PlanBuilder::child(const std::string& name, const Module& module) {
  visit(path_.empty() ? name : path_ + "." + name, module);
}

void PlanBuilder::visit(const std::string& path, const Module& module) {
  const std::string parent = std::exchange(path_, path);
  const std::size_t before = nodes_.size();
  module.lower(*this);
  for (std::size_t i = 0; i < requested_.size(); ++i) {
    if (requested_[i] != path) continue;
    // A module that needs no step (Dropout in eval mode) still owes a value of its own.
    if (nodes_.size() == before) add(std::make_unique<CopyOp>());
    nodes_.back().outputs.push_back(i);
  }
  if (module.named_children().empty()) leaves_.push_back({path, &module, before, nodes_.size()});
  path_ = parent;
}

std::vector<PlanNode> PlanBuilder::fuse() && {
  std::vector<PlanNode> fused;
  for (PlanNode& node : nodes_) {
    const bool may_fuse = !fused.empty() && fused.back().outputs.empty();
    if (may_fuse && fused.back().op->absorb(*node.op)) {
      fused.back().outputs = std::move(node.outputs);
    } else {
      fused.push_back(std::move(node));
    }
  }
  return fused;
}

}  // namespace lamina::nn::detail
