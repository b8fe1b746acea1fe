#include "models/initialize.h"

#include <lamina/nn/batch_norm.h>
#include <lamina/nn/conv2d.h>
#include <lamina/nn/linear.h>
#include <lamina/nn/sequential.h>

#include <catch2/catch.hpp>

#include <cmath>

using namespace lamina;

namespace {

std::shared_ptr<nn::Sequential> make_net() {
  auto net = std::make_shared<nn::Sequential>();
  net->add(std::make_shared<nn::Conv2d>(
      nn::Conv2dOptions{.in_channels = 16, .out_channels = 64, .kernel_size = 3}));
  net->add(std::make_shared<nn::BatchNorm2d>(nn::BatchNormOptions{.num_features = 64}));
  net->add(std::make_shared<nn::Linear>(
      nn::LinearOptions{.in_features = 200, .out_features = 100, .bias = false}));
  return net;
}

double standard_deviation(const Tensor& tensor) {
  double squares = 0;
  for (const float value : tensor.values<float>()) squares += double{value} * value;
  return std::sqrt(squares / static_cast<double>(tensor.numel()));
}

}  // namespace

TEST_CASE("initialize: gives each layer torchvision's distribution", "[models][initialize]") {
  const auto net = make_net();
  models::detail::initialize(*net, 0);
  const StateDict state = net->state_dict();
  const double expected = std::sqrt(2.0 / (64 * 9));
  CHECK(standard_deviation(state["0.weight"]) == Approx(expected).epsilon(0.03));
  CHECK(equal_bits(state["0.bias"], Tensor::zeros({64})));
  CHECK(equal_bits(state["1.weight"], Tensor::full({64}, 1)));
  CHECK(equal_bits(state["1.bias"], Tensor::zeros({64})));
  CHECK(equal_bits(state["1.running_var"], Tensor::full({64}, 1)));
  CHECK(standard_deviation(state["2.weight"]) == Approx(0.01).epsilon(0.03));
  CHECK(!state.contains("2.bias"));
}

TEST_CASE("initialize: the same seed gives the same bits, another seed others",
          "[models][initialize]") {
  const auto a = make_net(), b = make_net(), c = make_net();
  models::detail::initialize(*a, 5);
  models::detail::initialize(*b, 5);
  models::detail::initialize(*c, 6);
  CHECK(equal_bits(a->state_dict()["0.weight"], b->state_dict()["0.weight"]));
  CHECK(!equal_bits(a->state_dict()["0.weight"], c->state_dict()["0.weight"]));
}
