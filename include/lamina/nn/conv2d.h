// Two-dimensional convolution, PyTorch's torch.nn.Conv2d with zero padding.
#pragma once

#include <lamina/nn/module.h>
#include <lamina/nn/size2.h>

namespace lamina::nn {

struct Conv2dOptions {
  std::int64_t in_channels = 0, out_channels = 0;
  Size2 kernel_size = 1;
  Size2 stride = 1, padding = 0, dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
};

/// Shapes: input [n, in_channels, h, w] -> [n, out_channels, oh, ow],
///         oh = floor((h + 2*padding - dilation*(kernel_size - 1) - 1) / stride) + 1
/// Parameters: weight [out_channels, in_channels / groups, kh, kw], bias [out_channels]. Zeros
/// until
///         loaded or initialised (models/ initialises as torchvision does).
/// Errors: InvalidArgument for options that make no convolution, or an input that does not fit.
class LAMINA_API Conv2d : public Module {
 public:
  explicit Conv2d(const Conv2dOptions& options);

  Tensor forward(const Tensor& input) const override;
  std::string type_name() const override { return "Conv2d"; }
  std::string extra_repr() const override;
  LayerSpec spec() const override;
  void lower(detail::PlanBuilder& builder) const override;

  const Conv2dOptions& options() const noexcept { return options_; }

 private:
  Conv2dOptions options_;
};

}  // namespace lamina::nn
