// Walks a tree of modules once and collects the steps that they lower to.
#pragma once

#include <lamina/nn/module.h>

#include "nn/session/op.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::nn::detail {

struct PlanNode {
  std::unique_ptr<Op> op;
  std::string name;                  // dotted path of the module that added it
  std::vector<std::size_t> outputs;  // which of the requested outputs are this step's value
};

/// A module without children, and the step that ends it.
struct PlanLeaf {
  std::string name;
  const Module* module;
  std::size_t steps_before;  // its output is that of step steps_before - 1, or the input itself
  std::size_t steps_after;
};

class PlanBuilder {
 public:
  /// Lowers `root`. `outputs` are dotted names whose values must stay visible: nothing is fused
  /// across them. Throws InvalidArgument for a name that is no module; the hint is the nearest.
  PlanBuilder(const Module& root, const std::vector<std::string>& outputs);

  // Called from Module::lower().
  void add(std::unique_ptr<Op> op);
  void child(const std::string& name, const Module& module);

  const std::vector<PlanLeaf>& leaves() const noexcept { return leaves_; }
  const std::vector<PlanNode>& nodes() const noexcept { return nodes_; }
  /// The steps as they were added.
  std::vector<PlanNode> unfused() && { return std::move(nodes_); }
  /// The steps, each having absorbed what it can of those behind it.
  std::vector<PlanNode> fuse() &&;

 private:
  void visit(const std::string& path, const Module& module);

  std::vector<std::string> requested_;
  std::vector<PlanNode> nodes_;
  std::vector<PlanLeaf> leaves_;
  std::string path_;
};

}  // namespace lamina::nn::detail
