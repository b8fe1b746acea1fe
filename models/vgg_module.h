// VGG as a module: features, average pooling, classifier.
#pragma once

#include <lamina/nn/layer_registry.h>
#include <lamina/nn/module.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::models {

/// Shapes:   input [n, 3, h, w], h and w at least 32 -> [n, classes]
/// Errors:   InvalidArgument for a smaller input, saying how large it must be
/// Source:   Simonyan and Zisserman, "Very deep convolutional networks for large-scale image
///           recognition", ICLR 2015, as torchvision.models.VGG builds it
class VGG : public nn::Module {
 public:
  VGG(std::shared_ptr<nn::Module> features, std::shared_ptr<nn::Module> avgpool,
      std::shared_ptr<nn::Module> classifier);

  Tensor forward(const Tensor& input) const override;
  std::string type_name() const override { return "VGG"; }
  void lower(nn::detail::PlanBuilder& builder) const override;

  /// Height and width that an input has at least.
  std::int64_t smallest_side() const noexcept { return smallest_side_; }

 private:
  void check_size(const Shape& input) const;

  std::shared_ptr<nn::Module> features_, avgpool_, classifier_;
  std::int64_t smallest_side_;  // that leaves a pixel after the last pooling
};

namespace detail {

/// One of the eight: the columns of the paper's table 1.
struct VggConfig {
  std::string_view name;
  /// Output channels of 3x3 convolutions; 0 is a 2x2 max pooling.
  std::vector<std::int64_t> layers;
  bool batch_norm;
};

const std::vector<VggConfig>& vgg_configs();

/// The modules of one configuration, parameters as the layers' constructors leave them.
std::shared_ptr<VGG> make_vgg(const VggConfig& config, std::int64_t num_classes, double dropout);

/// The layers that a model file may hold: nn's and VGG.
const nn::LayerRegistry& model_layers();

}  // namespace detail
}  // namespace lamina::models
