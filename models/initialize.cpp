#include "models/initialize.h"

#include "models/random.h"

#include <lamina/core/threads.h>
#include <lamina/nn/batch_norm.h>
#include <lamina/nn/conv2d.h>
#include <lamina/nn/linear.h>

#include <cmath>

namespace lamina::models::detail {
namespace {

class Initializer {
 public:
  Initializer(nn::Module& root, std::uint64_t seed) : root_(root), seed_(seed) {}

  void visit(const std::string& path, const nn::Module& module) {
    if (const auto* conv = dynamic_cast<const nn::Conv2d*>(&module)) {
      const nn::Conv2dOptions& options = conv->options();
      const std::int64_t fan_out =
          options.out_channels * options.kernel_size.h * options.kernel_size.w;
      set_normal(path, "weight", std::sqrt(2.0 / static_cast<double>(fan_out)));
      set_constant(path, "bias", 0);
    } else if (dynamic_cast<const nn::Linear*>(&module) != nullptr) {
      set_normal(path, "weight", 0.01);
      set_constant(path, "bias", 0);
    } else if (dynamic_cast<const nn::BatchNorm*>(&module) != nullptr) {
      set_constant(path, "weight", 1);
      set_constant(path, "bias", 0);
    }
  }

 private:
  void set_normal(const std::string& path, const std::string& parameter, double std) {
    nn::Module& module = root_.get_submodule(path);
    Tensor values = Tensor::empty(module.parameter(parameter).shape());
    fill_normal({values.mutable_data<float>(), static_cast<std::size_t>(values.numel())}, seed_,
                path.empty() ? parameter : path + "." + parameter, std, available_threads());
    module.set_parameter(parameter, std::move(values));
  }

  void set_constant(const std::string& path, const std::string& parameter, float value) {
    nn::Module& module = root_.get_submodule(path);
    const Tensor& present = module.parameter(parameter);
    if (present.defined()) module.set_parameter(parameter, Tensor::full(present.shape(), value));
  }

  nn::Module& root_;
  std::uint64_t seed_;
};

}  // namespace

void initialize(nn::Module& root, std::uint64_t seed) {
  Initializer initializer(root, seed);
  for (const auto& [path, module] : root.named_modules()) initializer.visit(path, *module);
}

}  // namespace lamina::models::detail
