#include <lamina/nn/batch_norm.h>
#include <lamina/nn/linear.h>
#include <lamina/nn/simple_layers.h>

#include "tests/nn/networks.h"

#include <lamina/core/error.h>

#include <catch2/catch.hpp>

using namespace lamina;
using namespace lamina::nn;

namespace {

std::vector<std::string> names_of(const StateDict& state) {
  std::vector<std::string> names;
  for (const auto& [name, value] : state) names.push_back(name);
  return names;
}

StateDict with_prefix(const StateDict& state, const std::string& prefix) {
  StateDict result;
  for (const auto& [name, value] : state) result.insert(prefix + name, value);
  return result;
}

template <typename F>
std::string hint_of(const F& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.hint();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("module: state_dict has PyTorch's names in PyTorch's order", "[nn][state_dict]") {
  CHECK(names_of(test::small_network()->state_dict()) ==
        std::vector<std::string>{"0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean",
                                 "1.running_var", "1.num_batches_tracked", "4.weight", "4.bias",
                                 "8.weight", "8.bias", "11.weight", "11.bias"});
}

TEST_CASE("module: state_dict shares the parameters' storage", "[nn][state_dict]") {
  const auto network = test::small_network();
  const StateDict state = network->state_dict();
  CHECK(state.at("0.weight").shares_storage_with(network->get_submodule("0").parameter("weight")));
}

TEST_CASE("module: load_state_dict takes tensors over without a copy", "[nn][state_dict]") {
  const auto source = test::small_network();
  const auto target = test::small_network();
  const StateDict state = source->state_dict();
  const LoadReport report = target->load_state_dict(state);
  CHECK(report.ok());
  CHECK(target->get_submodule("8").parameter("weight").shares_storage_with(state.at("8.weight")));
}

TEST_CASE("module: load_state_dict converts among floating dtypes", "[nn][state_dict]") {
  Linear layer({.in_features = 2, .out_features = 2});
  StateDict state;
  state.insert("weight", Tensor::full({2, 2}, 0.5f).to(DType::bf16));
  state.insert("bias", Tensor::full({2}, 0.25f).to(DType::f64));
  layer.load_state_dict(state);
  CHECK(equal_bits(layer.parameter("weight"), Tensor::full({2, 2}, 0.5f)));
  CHECK(equal_bits(layer.parameter("bias"), Tensor::full({2}, 0.25f)));
}

TEST_CASE("module: a strict load reports every misfit, grouped, and changes nothing",
          "[nn][state_dict]") {
  Linear layer({.in_features = 2, .out_features = 2});
  StateDict state;
  state.insert("weight", Tensor::zeros({3, 2}));
  state.insert("gamma", Tensor::zeros({1}));
  const Tensor before = layer.parameter("weight");
  CHECK_THROWS_WITH(
      layer.load_state_dict(state),
      "[load_state_dict] the state dict does not fit Linear: 1 missing: bias; "
      "1 unexpected: gamma; 1 of another shape or dtype: weight (file has f32 [3, 2], "
      "model f32 [2, 2])");
  CHECK_THROWS_AS(layer.load_state_dict(state), StateDictError);
  CHECK(layer.parameter("weight").shares_storage_with(before));
}

TEST_CASE("module: integers do not become floating parameters", "[nn][state_dict]") {
  Linear layer({.in_features = 2, .out_features = 1, .bias = false});
  StateDict state;
  state.insert("weight", Tensor::zeros({1, 2}, DType::i32));
  CHECK_THROWS_WITH(layer.load_state_dict(state),
                    Catch::Contains("weight (file has i32 [1, 2], model f32 [1, 2])"));
}

TEST_CASE("module: a load that is not strict takes what fits by name", "[nn][state_dict]") {
  Linear layer({.in_features = 2, .out_features = 2});
  StateDict state;
  state.insert("bias", Tensor::full({2}, 1.0f));
  state.insert("gamma", Tensor::zeros({1}));
  const LoadReport report = layer.load_state_dict(state, {.strict = false});
  CHECK(report.missing == std::vector<std::string>{"weight"});
  CHECK(report.unexpected == std::vector<std::string>{"gamma"});
  CHECK(equal_bits(layer.parameter("bias"), Tensor::full({2}, 1.0f)));
  state.set("bias", Tensor::zeros({5}));
  CHECK_THROWS_AS(layer.load_state_dict(state, {.strict = false}), StateDictError);
}

TEST_CASE("module: a common prefix is named as the likely cause", "[nn][state_dict]") {
  const auto network = test::small_network();
  const StateDict state = with_prefix(network->state_dict(), "module.");
  CHECK(hint_of([&] { network->load_state_dict(state); }) ==
        "every name begins with 'module.'; strip it from the names");
}

TEST_CASE("module: a batch norm's step counter may be missing", "[nn][state_dict]") {
  const auto network = test::small_network();
  StateDict state = network->state_dict();
  state.erase("1.num_batches_tracked");
  CHECK(network->load_state_dict(state).ok());
}

TEST_CASE("module: long groups of names are cut, and counted", "[nn][state_dict]") {
  LoadReport report;
  for (int i = 0; i < 12; ++i) report.missing.push_back("p" + std::to_string(i));
  CHECK(report.to_string(2) == "12 missing: p0, p1, and 10 more");
}

TEST_CASE("module: an unknown layer name suggests the nearest", "[nn][errors]") {
  const auto network = test::small_network();
  auto outer = std::make_shared<Sequential>();
  outer->add("features", network);
  CHECK(&outer->get_submodule("features.8") == &network->get_submodule("8"));
  CHECK_THROWS_WITH(outer->get_submodule("feature.8"),
                    "[module] Sequential has no layer 'feature.8'");
  CHECK(hint_of([&] { outer->get_submodule("feature.8"); }) == "did you mean 'features.8'?");
}

TEST_CASE("module: hooks see a layer's output until they are removed", "[nn][hooks]") {
  const auto network = test::small_network();
  std::vector<Shape> seen;
  const int id = network->get_submodule("3").register_forward_hook(
      [&](const Module& module, const Tensor& output) {
        CHECK(module.type_name() == "MaxPool2d");
        seen.push_back(output.shape());
      });
  (*network)(test::pattern({1, 3, 8, 8}));
  network->get_submodule("3").remove_hook(id);
  (*network)(test::pattern({1, 3, 8, 8}));
  CHECK(seen == std::vector<Shape>{{1, 20, 4, 4}});
}

TEST_CASE("module: apply visits children before their parents", "[nn][apply]") {
  auto inner = std::make_shared<Sequential>();
  inner->add(std::make_shared<ReLU>());
  Sequential outer;
  outer.add(inner).add(std::make_shared<Identity>());
  std::vector<std::string> order;
  outer.apply([&](Module& module) { order.push_back(module.type_name()); });
  CHECK(order == std::vector<std::string>{"ReLU", "Sequential", "Identity", "Sequential"});
}

TEST_CASE("module: to(dtype) converts parameters and leaves counters alone", "[nn][to]") {
  BatchNorm2d layer({.num_features = 2});
  layer.to(DType::f16);
  CHECK(layer.parameter("weight").dtype() == DType::f16);
  CHECK(layer.buffer("num_batches_tracked").dtype() == DType::i64);
  CHECK_THROWS_AS(layer.to(DType::i32), InvalidArgument);
}

TEST_CASE("module: train and eval reach the whole tree", "[nn][train]") {
  const auto network = test::small_network();
  network->train();
  CHECK(network->get_submodule("10").training());
  network->eval();
  CHECK_FALSE(network->get_submodule("10").training());
}

TEST_CASE("module: a child's name must be new and without dots", "[nn][errors]") {
  Sequential network;
  network.add("a", std::make_shared<ReLU>());
  CHECK_THROWS_AS(network.add("a", std::make_shared<ReLU>()), InvalidArgument);
  CHECK_THROWS_AS(network.add("a.b", std::make_shared<ReLU>()), InvalidArgument);
  CHECK_THROWS_AS(network.add("", std::make_shared<ReLU>()), InvalidArgument);
  CHECK_THROWS_AS(network.add("b", nullptr), InvalidArgument);
}
