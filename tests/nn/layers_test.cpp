// Each layer against what PyTorch prints and computes (tests/data/nn/layers.json).
#include <lamina/core/error.h>
#include <lamina/nn/batch_norm.h>
#include <lamina/nn/conv2d.h>
#include <lamina/nn/layer_registry.h>
#include <lamina/nn/linear.h>
#include <lamina/nn/pooling.h>
#include <lamina/nn/session.h>
#include <lamina/nn/simple_layers.h>

#include "tests/nn/networks.h"
#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <map>

using namespace lamina;
using namespace lamina::nn;
using nlohmann::json;

namespace {

template <typename M, typename... Args>
std::shared_ptr<Module> make(Args&&... args) {
  return std::make_shared<M>(std::forward<Args>(args)...);
}

std::shared_ptr<Module> nested() {
  auto first = std::make_shared<Sequential>();
  first->add(make<Conv2d>(Conv2dOptions{.in_channels = 1, .out_channels = 2}))
      .add(make<BatchNorm2d>(BatchNormOptions{.num_features = 2}))
      .add(make<ReLU>());
  auto all = std::make_shared<Sequential>();
  all->add(first)
      .add(make<Sequential>())
      .add(make<Flatten>())
      .add(make<Linear>(LinearOptions{.in_features = 8, .out_features = 2}));
  return all;
}

const std::map<std::string, std::shared_ptr<Module>>& layers() {
  using Bn = BatchNormOptions;
  static const std::map<std::string, std::shared_ptr<Module>> table{
      {"conv2d", make<Conv2d>(Conv2dOptions{
                     .in_channels = 3, .out_channels = 4, .kernel_size = 3, .padding = 1})},
      {"conv2d_strided", make<Conv2d>(Conv2dOptions{.in_channels = 4,
                                                    .out_channels = 6,
                                                    .kernel_size = {3, 2},
                                                    .stride = {2, 1},
                                                    .padding = {1, 0},
                                                    .dilation = {1, 2},
                                                    .groups = 2,
                                                    .bias = false})},
      {"linear", make<Linear>(LinearOptions{.in_features = 5, .out_features = 3})},
      {"linear_no_bias",
       make<Linear>(LinearOptions{.in_features = 5, .out_features = 3, .bias = false})},
      {"max_pool2d", make<MaxPool2d>(MaxPool2dOptions{})},
      {"max_pool2d_ceil",
       make<MaxPool2d>(
           MaxPool2dOptions{.kernel_size = {3, 2}, .stride = 2, .padding = 1, .ceil_mode = true})},
      {"max_pool2d_dilated", make<MaxPool2d>(MaxPool2dOptions{.stride = 1, .dilation = 2})},
      {"avg_pool2d",
       make<AvgPool2d>(AvgPool2dOptions{.kernel_size = 3, .stride = 2, .padding = 1})},
      {"avg_pool2d_exclude", make<AvgPool2d>(AvgPool2dOptions{.kernel_size = {2, 3},
                                                              .stride = 2,
                                                              .padding = {1, 1},
                                                              .ceil_mode = true,
                                                              .count_include_pad = false})},
      {"avg_pool2d_divisor", make<AvgPool2d>(AvgPool2dOptions{.divisor_override = 3})},
      {"adaptive_avg_pool2d", make<AdaptiveAvgPool2d>(Size2(7, 7))},
      {"adaptive_avg_pool2d_none", make<AdaptiveAvgPool2d>(Size2(Size2::kNone, 2))},
      {"adaptive_avg_pool2d_scalar", make<AdaptiveAvgPool2d>(Size2(1))},
      {"batch_norm2d", make<BatchNorm2d>(Bn{.num_features = 3})},
      {"batch_norm2d_plain",
       make<BatchNorm2d>(
           Bn{.num_features = 3, .eps = 0.001, .momentum = std::nullopt, .affine = false})},
      {"batch_norm2d_untracked",
       make<BatchNorm2d>(Bn{.num_features = 2, .track_running_stats = false})},
      {"batch_norm2d_train", make<BatchNorm2d>(Bn{.num_features = 2})},
      {"batch_norm1d", make<BatchNorm1d>(Bn{.num_features = 4})},
      {"batch_norm1d_length", make<BatchNorm1d>(Bn{.num_features = 4})},
      {"relu", make<ReLU>()},
      {"relu_inplace", make<ReLU>(ReLUOptions{.inplace = true})},
      {"softmax", make<Softmax>(1)},
      {"softmax_middle", make<Softmax>(-2)},
      {"softmax_implicit", make<Softmax>()},
      {"dropout_eval", make<Dropout>(DropoutOptions{.p = 0.25})},
      {"flatten", make<Flatten>()},
      {"flatten_middle", make<Flatten>(1, 2)},
      {"identity", make<Identity>()},
      {"sequential_empty", make<Sequential>()},
      {"sequential_nested", nested()}};
  return table;
}

Tensor tensor_from(const json& value, DType dtype = DType::f32) {
  const auto sizes = value.at("shape").get<std::vector<std::int64_t>>();
  const auto data = value.at("data").get<std::vector<float>>();
  return Tensor::from(data, Shape(std::span<const std::int64_t>(sizes))).to(dtype);
}

std::vector<json> fixtures() {
  static const json file =
      json::parse(test::read_text(std::string(LAMINA_TEST_DATA) + "/nn/layers.json"));
  return file.at("layers").get<std::vector<json>>();
}

std::shared_ptr<Module> loaded_layer(const json& fixture) {
  const std::shared_ptr<Module> layer = layers().at(fixture.at("name").get<std::string>());
  StateDict state;
  for (const auto& [name, value] : fixture.at("state").items()) {
    const bool counter = name.ends_with("num_batches_tracked");
    state.insert(name, tensor_from(value, counter ? DType::i64 : DType::f32));
  }
  layer->load_state_dict(state);
  layer->train(fixture.at("train").get<bool>());
  return layer;
}

void check_output(const Tensor& output, const json& fixture) {
  const Tensor expected = tensor_from(fixture.at("output"));
  REQUIRE(output.shape() == expected.shape());
  const Difference d = difference(output, expected);
  INFO("index " << d.worst_index << ", off by " << d.max_abs);
  CHECK(!(d.max_abs > 1e-6 * std::max(1.0, d.max_abs_reference)));
  CHECK(d.max_abs == d.max_abs);
}

}  // namespace

TEST_CASE("layers: print as PyTorch prints them", "[nn][repr]") {
  REQUIRE(fixtures().size() == layers().size());
  for (const json& fixture : fixtures()) {
    INFO(fixture.at("name"));
    const auto& layer = layers().at(fixture.at("name").get<std::string>());
    CHECK(to_string(*layer) == fixture.at("repr").get<std::string>());
  }
}

TEST_CASE("layers: forward gives PyTorch's values", "[nn][forward]") {
  for (const json& fixture : fixtures()) {
    INFO(fixture.at("name"));
    const auto layer = loaded_layer(fixture);
    check_output((*layer)(tensor_from(fixture.at("input"))), fixture);
  }
}

TEST_CASE("layers: a session gives PyTorch's values", "[nn][session]") {
  for (const json& fixture : fixtures()) {
    INFO(fixture.at("name"));
    if (fixture.at("train").get<bool>()) continue;  // sessions are for eval mode
    const auto layer = loaded_layer(fixture);
    Session session(*layer, {.max_batch = 8});
    check_output(session.run(tensor_from(fixture.at("input"))), fixture);
  }
}

TEST_CASE("layers: are made again from their spec, printing the same", "[nn][registry]") {
  const LayerRegistry registry = LayerRegistry::builtin();
  for (const auto& [name, layer] : layers()) {
    INFO(name);
    CHECK(to_string(*registry.make(layer->spec())) == to_string(*layer));
  }
}

TEST_CASE("dropout: in train mode drops about p of the elements and scales the rest",
          "[nn][dropout]") {
  Dropout dropout({.p = 0.25, .seed = 7});
  const Tensor input = Tensor::full({100, 100}, 3.0f);
  const Tensor output = dropout(input);
  std::int64_t dropped = 0;
  for (const float value : output.values<float>()) {
    if (value == 0.0f) {
      ++dropped;
    } else {
      CHECK(value == 4.0f);
    }
  }
  CHECK(dropped > 2300);
  CHECK(dropped < 2700);
}

TEST_CASE("dropout: the masks follow from the seed, and each call draws another", "[nn][dropout]") {
  Dropout first({.seed = 7}), second({.seed = 7}), other({.seed = 8});
  const Tensor input = Tensor::full({64}, 1.0f);
  const Tensor mask = first(input);
  CHECK(equal_bits(mask, second(input)));
  CHECK_FALSE(equal_bits(mask, first(input)));
  CHECK_FALSE(equal_bits(mask, other(input)));
}

TEST_CASE("layers: impossible options are refused by name", "[nn][errors]") {
  CHECK_THROWS_WITH(Conv2d({.in_channels = 0, .out_channels = 4}),
                    "[conv2d] 0 input and 4 output channels; at least 1 of each");
  CHECK_THROWS_WITH(Conv2d({.in_channels = 4, .out_channels = 6, .groups = 3}),
                    "[conv2d] 3 groups do not divide 4 input and 6 output channels");
  CHECK_THROWS_WITH(Conv2d({.in_channels = 4, .out_channels = 6, .kernel_size = 0}),
                    "[conv2d] kernel_size=(0, 0), stride=(1, 1), padding=(0, 0), dilation=(1, 1) "
                    "make no convolution");
  CHECK_THROWS_WITH(MaxPool2d({.kernel_size = 2, .padding = 2}),
                    "[max_pool2d] padding 2 is more than half of the window 2");
  CHECK_THROWS_WITH(Dropout({.p = 1.5}), "[dropout] p=1.5 is not a probability");
  CHECK_THROWS_AS(Linear({.in_features = -1, .out_features = 2}), InvalidArgument);
}

TEST_CASE("layers: an input that does not fit is refused, with both shapes", "[nn][errors]") {
  const Conv2d conv({.in_channels = 3, .out_channels = 64, .kernel_size = 3});
  CHECK_THROWS_WITH(conv(Tensor::zeros({1, 4, 8, 8})),
                    "[conv2d] input has 4 channels, weight expects 3 (input [1, 4, 8, 8], weight "
                    "[64, 3, 3, 3])");
  CHECK_THROWS_WITH(conv(Tensor::zeros({1, 3, 2, 8})),
                    "[conv2d] input [1, 3, 2, 8] with padding (0, 0) is smaller than the kernel "
                    "(weight [64, 3, 3, 3])");
  CHECK_THROWS_WITH(conv(Tensor::zeros({3, 8, 8})),
                    "[conv2d] input has rank 3, expected [n, 3, h, w] (input [3, 8, 8])");
  CHECK_THROWS_WITH(conv(Tensor::zeros({1, 3, 8, 8}, DType::f16)),
                    "[conv2d] input is f16, expected f32");
  CHECK_THROWS_WITH(conv(Tensor()), "[conv2d] the input is undefined");
  CHECK_THROWS_WITH(MaxPool2d({})(Tensor::zeros({1, 3, 1, 8})),
                    "[max_pool2d] input [1, 3, 1, 8] is smaller than the 2x2 window");
  CHECK_THROWS_WITH(Linear({.in_features = 5, .out_features = 2})(Tensor::zeros({2, 4})),
                    "[linear] input [2, 4] does not end in 5 features (weight [2, 5])");
}
