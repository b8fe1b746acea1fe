#include "tests/nn/networks.h"

#include <lamina/nn/batch_norm.h>
#include <lamina/nn/conv2d.h>
#include <lamina/nn/linear.h>
#include <lamina/nn/pooling.h>
#include <lamina/nn/simple_layers.h>

#include <cmath>

namespace lamina::test {
namespace {

std::shared_ptr<nn::Conv2d> conv3x3(std::int64_t c_in, std::int64_t c_out) {
  return std::make_shared<nn::Conv2d>(nn::Conv2dOptions{
      .in_channels = c_in, .out_channels = c_out, .kernel_size = 3, .padding = 1});
}

std::shared_ptr<nn::Sequential> ready(std::shared_ptr<nn::Sequential> network) {
  fill_with_patterns(*network);
  network->eval();
  return network;
}

}  // namespace

Tensor pattern(const Shape& shape, std::uint32_t seed) {
  Tensor result = Tensor::empty(shape);
  float* values = result.mutable_data<float>();
  std::uint32_t state = seed * 2654435761u + 12345u;
  for (std::int64_t i = 0; i < result.numel(); ++i) {
    state = state * 1664525u + 1013904223u;
    values[i] = static_cast<float>(static_cast<int>(state >> 24) - 128) / 128.0f;
  }
  return result;
}

void fill_with_patterns(nn::Module& module) {
  std::uint32_t seed = 1;
  for (const auto& [path, part] : module.named_modules()) {
    nn::Module& owner = module.get_submodule(path);
    for (const char* name : {"weight", "bias", "running_mean", "running_var"}) {
      const std::string full = path.empty() ? name : path + "." + name;
      const StateDict state = module.state_dict();
      const Tensor* old = state.find(full);
      if (old == nullptr) continue;
      Tensor value = pattern(old->shape(), ++seed);
      const bool variance = std::string_view(name) == "running_var";
      for (std::int64_t i = 0; variance && i < value.numel(); ++i) {
        value.mutable_data<float>()[i] = std::abs(value.data<float>()[i]) + 0.25f;
      }
      const bool is_buffer = std::string_view(name).starts_with("running");
      is_buffer ? owner.set_buffer(name, value) : owner.set_parameter(name, value);
    }
  }
}

std::shared_ptr<nn::Sequential> small_network() {
  using namespace lamina::nn;
  auto network = std::make_shared<Sequential>();
  network->add(conv3x3(3, 20))
      .add(std::make_shared<BatchNorm2d>(BatchNormOptions{.num_features = 20}))
      .add(std::make_shared<ReLU>(ReLUOptions{.inplace = true}))
      .add(std::make_shared<MaxPool2d>(MaxPool2dOptions{}))
      .add(conv3x3(20, 17))
      .add(std::make_shared<ReLU>())
      .add(std::make_shared<AdaptiveAvgPool2d>(Size2(3, 3)))
      .add(std::make_shared<Flatten>())
      .add(std::make_shared<Linear>(LinearOptions{.in_features = 153, .out_features = 31}))
      .add(std::make_shared<ReLU>())
      .add(std::make_shared<Dropout>())
      .add(std::make_shared<Linear>(LinearOptions{.in_features = 31, .out_features = 10}));
  return ready(network);
}

std::shared_ptr<nn::Sequential> wide_network() {
  using namespace lamina::nn;
  auto network = std::make_shared<Sequential>();
  network->add(conv3x3(3, 16))
      .add(std::make_shared<ReLU>())
      .add(conv3x3(16, 16))
      .add(std::make_shared<ReLU>())
      .add(std::make_shared<MaxPool2d>(MaxPool2dOptions{}))
      .add(conv3x3(16, 8))
      .add(std::make_shared<ReLU>())
      .add(std::make_shared<AdaptiveAvgPool2d>(Size2(3, 3)))
      .add(std::make_shared<Flatten>())
      .add(std::make_shared<Linear>(LinearOptions{.in_features = 72, .out_features = 10}));
  return ready(network);
}

std::shared_ptr<nn::Sequential> network_for_fp8() {
  using namespace lamina::nn;
  auto network = std::make_shared<Sequential>();
  network->add(conv3x3(3, 64))
      .add(std::make_shared<ReLU>())
      .add(conv3x3(64, 128))
      .add(std::make_shared<ReLU>())
      .add(conv3x3(128, 128))
      .add(std::make_shared<ReLU>())
      .add(std::make_shared<MaxPool2d>(MaxPool2dOptions{}))
      .add(conv3x3(128, 64))
      .add(std::make_shared<ReLU>())
      .add(std::make_shared<AdaptiveAvgPool2d>(Size2(2, 2)))
      .add(std::make_shared<Flatten>())
      .add(std::make_shared<Linear>(LinearOptions{.in_features = 256, .out_features = 48}))
      .add(std::make_shared<ReLU>())
      .add(std::make_shared<Linear>(LinearOptions{.in_features = 48, .out_features = 10}));
  return ready(network);
}

std::shared_ptr<nn::Sequential> network_of_whole_steps() {
  using namespace lamina::nn;
  auto network = std::make_shared<Sequential>();
  network->add(conv3x3(3, 64))
      .add(std::make_shared<ReLU>())
      .add(conv3x3(64, 64))
      .add(std::make_shared<ReLU>())
      .add(std::make_shared<MaxPool2d>(MaxPool2dOptions{}))
      .add(std::make_shared<AdaptiveAvgPool2d>(Size2(2, 2)))
      .add(std::make_shared<Flatten>())
      .add(std::make_shared<Linear>(LinearOptions{.in_features = 256, .out_features = 10}));
  return ready(network);
}

}  // namespace lamina::test
