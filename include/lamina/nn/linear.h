// y = x W^T + b, PyTorch's torch.nn.Linear.
#pragma once

#include <lamina/nn/module.h>

namespace lamina::nn {

struct LinearOptions {
  std::int64_t in_features = 0, out_features = 0;
  bool bias = true;
};

/// Shapes: input [..., in_features] -> [..., out_features]
/// Parameters: weight [out_features, in_features], bias [out_features]; zeros until loaded.
class LAMINA_API Linear : public Module {
 public:
  explicit Linear(const LinearOptions& options);

  Tensor forward(const Tensor& input) const override;
  std::string type_name() const override { return "Linear"; }
  std::string extra_repr() const override;
  LayerSpec spec() const override;
  void lower(detail::PlanBuilder& builder) const override;

  const LinearOptions& options() const noexcept { return options_; }

 private:
  LinearOptions options_;
};

}  // namespace lamina::nn
