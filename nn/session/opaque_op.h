// The step of a module that does not say how it runs in a plan: it calls forward().
#pragma once

#include <lamina/nn/module.h>

#include "nn/session/op.h"

namespace lamina::nn::detail {

/// Slower than a step of its own, since each run allocates the module's result; correct for any
/// module. Requires: the module outlives the session.
class OpaqueOp : public Op {
 public:
  explicit OpaqueOp(const Module& module) : module_(module) {}

  std::string what() const override { return module_.type_name(); }
  bool takes_images_apart() const override { return false; }  // only the module knows
  /// Found by running the module on zeros: only the module knows.
  Shape output_shape(const Shape& input) const override;
  LayoutNeed layout_need() const override { return LayoutNeed::nchw; }
  void run(const RunContext& context) const override;

 private:
  const Module& module_;
};

}  // namespace lamina::nn::detail
