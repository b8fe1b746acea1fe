// Pooling over windows and to a given size: torch.nn.MaxPool2d, AvgPool2d, AdaptiveAvgPool2d.
#pragma once

#include <lamina/nn/module.h>
#include <lamina/nn/size2.h>

#include <optional>

namespace lamina::nn {

struct MaxPool2dOptions {
  Size2 kernel_size = 2;
  std::optional<Size2> stride = std::nullopt;  ///< kernel_size where not given
  Size2 padding = 0, dilation = 1;
  bool ceil_mode = false;
};

/// Shapes: input [n, c, h, w] -> [n, c, oh, ow]. Padding is minus infinity.
class LAMINA_API MaxPool2d : public Module {
 public:
  explicit MaxPool2d(const MaxPool2dOptions& options);

  Tensor forward(const Tensor& input) const override;
  std::string type_name() const override { return "MaxPool2d"; }
  std::string extra_repr() const override;
  LayerSpec spec() const override;
  void lower(detail::PlanBuilder& builder) const override;

 private:
  MaxPool2dOptions options_;
};

struct AvgPool2dOptions {
  Size2 kernel_size = 2;
  std::optional<Size2> stride = std::nullopt;  ///< kernel_size where not given
  Size2 padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;
  std::optional<std::int64_t> divisor_override = std::nullopt;
};

class LAMINA_API AvgPool2d : public Module {
 public:
  explicit AvgPool2d(const AvgPool2dOptions& options);

  Tensor forward(const Tensor& input) const override;
  std::string type_name() const override { return "AvgPool2d"; }
  std::string extra_repr() const override;
  LayerSpec spec() const override;
  void lower(detail::PlanBuilder& builder) const override;

 private:
  AvgPool2dOptions options_;
};

/// Shapes: input [n, c, h, w] -> [n, c, output_size]; Size2::kNone keeps that side.
class LAMINA_API AdaptiveAvgPool2d : public Module {
 public:
  explicit AdaptiveAvgPool2d(Size2 output_size);

  Tensor forward(const Tensor& input) const override;
  std::string type_name() const override { return "AdaptiveAvgPool2d"; }
  std::string extra_repr() const override;
  LayerSpec spec() const override;
  void lower(detail::PlanBuilder& builder) const override;

 private:
  Size2 output_size_;
};

}  // namespace lamina::nn
