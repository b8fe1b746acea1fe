// Grad-CAM of a small network against PyTorch and the grad-cam package
// (tests/data/nn/grad_cam.json, written by make_grad_cam_fixture.py), and what it refuses.
#include <lamina/nn/grad_cam.h>

#include <lamina/core/error.h>
#include <lamina/nn/batch_norm.h>
#include <lamina/nn/conv2d.h>
#include <lamina/nn/linear.h>
#include <lamina/nn/pooling.h>
#include <lamina/nn/sequential.h>
#include <lamina/nn/session.h>
#include <lamina/nn/simple_layers.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>

using namespace lamina;
using namespace lamina::nn;
using nlohmann::json;

namespace {

const json& fixture() {
  static const json data = json::parse(std::ifstream(LAMINA_TEST_DATA "/nn/grad_cam.json"));
  return data;
}

Tensor tensor_of(const json& entry) {
  const auto sizes = entry.at("shape").get<std::vector<std::int64_t>>();
  return Tensor::from(entry.at("data").get<std::vector<float>>(),
                      Shape(std::span<const std::int64_t>(sizes)));
}

std::shared_ptr<Sequential> network() {
  auto features = std::make_shared<Sequential>();
  features
      ->add(std::make_shared<Conv2d>(
          Conv2dOptions{.in_channels = 3, .out_channels = 6, .kernel_size = 3, .padding = 1}))
      .add(std::make_shared<BatchNorm2d>(BatchNormOptions{.num_features = 6}))
      .add(std::make_shared<ReLU>())
      .add(std::make_shared<MaxPool2d>(MaxPool2dOptions{}))
      .add(std::make_shared<Conv2d>(Conv2dOptions{.in_channels = 6,
                                                  .out_channels = 8,
                                                  .kernel_size = 3,
                                                  .stride = 2,
                                                  .padding = 1,
                                                  .groups = 2}))
      .add(std::make_shared<ReLU>())
      .add(std::make_shared<AvgPool2d>(AvgPool2dOptions{.kernel_size = 2, .stride = Size2(1)}));
  auto classifier = std::make_shared<Sequential>();
  classifier->add(std::make_shared<Linear>(LinearOptions{.in_features = 32, .out_features = 10}))
      .add(std::make_shared<ReLU>())
      .add(std::make_shared<Dropout>())
      .add(std::make_shared<Linear>(LinearOptions{.in_features = 10, .out_features = 4}));
  auto model = std::make_shared<Sequential>();
  model->add("features", features)
      .add("avgpool", std::make_shared<AdaptiveAvgPool2d>(2))
      .add("flatten", std::make_shared<Flatten>())
      .add("classifier", classifier);
  StateDict state;
  for (const auto& [name, entry] : fixture().at("state").items()) {
    state.insert(name, tensor_of(entry));
  }
  state.insert("features.1.num_batches_tracked", Tensor::zeros(Shape{}, DType::i64));
  model->load_state_dict(state);
  model->eval();
  return model;
}

Tensor image() { return tensor_of(fixture().at("image")); }

double relative_error(const Tensor& found, const Tensor& expected) {
  const Difference apart = difference(found, expected);
  return apart.max_abs_reference > 0 ? apart.max_abs / apart.max_abs_reference : apart.max_abs;
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return std::string(error.what()) + " / " + error.hint();
  }
  return "nothing was thrown";
}

TEST_CASE("grad_cam: gradient and map are PyTorch's, at every layer", "[nn][grad_cam]") {
  const auto model = network();
  const std::int64_t class_index = fixture().at("class");
  for (const auto& [layer, expected] : fixture().at("maps").items()) {
    INFO(layer);
    for (const int threads : {1, 2}) {
      GradCam cam(*model, {.layer = layer, .threads = threads});
      const GradCamMap result = cam.explain(image(), class_index);
      CHECK(cam.layer() == layer);
      CHECK(result.class_index == class_index);
      CHECK(relative_error(result.logits, tensor_of(fixture().at("logits"))) <= 1e-5);
      CHECK(relative_error(result.gradient, tensor_of(expected.at("gradient"))) <= 1e-5);
      CHECK(relative_error(result.map, tensor_of(expected.at("map"))) <= 1e-5);
      const Tensor scaled = scale_map(result.map, 18, 22);
      CHECK(relative_error(scaled, tensor_of(expected.at("scaled"))) <= 1e-5);
    }
  }
}

TEST_CASE("grad_cam: the default is the last child of features, and the best class",
          "[nn][grad_cam]") {
  const auto model = network();
  GradCam cam(*model);
  CHECK(cam.layer() == "features.6");
  CHECK(cam.explain(image()).class_index == 0);
}

TEST_CASE("grad_cam: a session's activation gives the same map", "[nn][grad_cam]") {
  const auto model = network();
  GradCam cam(*model, {.layer = "features.3"});
  Session session(*model, {.device = "cpu", .outputs = {cam.layer()}});
  session.run(image());
  const GradCamMap expected = cam.explain(image(), 2);
  const GradCamMap found = cam.explain_activation(session.output(cam.layer()), 2);
  CHECK(relative_error(found.map, expected.map) <= 1e-5);
}

TEST_CASE("grad_cam: a slope measured on the logit is the gradient", "[nn][grad_cam]") {
  const auto model = network();
  GradCam cam(*model, {.layer = "features.4"});
  const GradCamMap at = cam.explain(image(), 1);
  const double step = 1.0 / 64;  // small enough to pass few corners, large beside the rounding
  int agreeing = 0, looked_at = 0;
  for (std::int64_t i = 0; i < at.activation.numel(); i += 7) {
    const auto logit_with = [&](double change) {
      Tensor moved = at.activation.clone();
      moved.mutable_data<float>()[i] += static_cast<float>(change);
      return static_cast<double>(cam.explain_activation(moved, 1).logits.values<float>()[1]);
    };
    const double slope = (logit_with(step) - logit_with(-step)) / (2 * step);
    const double found = static_cast<double>(at.gradient.values<float>()[static_cast<size_t>(i)]);
    agreeing += std::abs(slope - found) <= 1e-4;
    ++looked_at;
  }
  CHECK(looked_at == 35);
  CHECK(agreeing >= looked_at - 3);  // a ReLU may turn within a step
}

TEST_CASE("grad_cam: says what it cannot do", "[nn][grad_cam]") {
  const auto model = network();
  CHECK_THAT(message_of([&] { GradCam(*model, {.layer = "features.66"}); }),
             Catch::Contains("no layer 'features.66'") && Catch::Contains("did you mean"));
  CHECK_THAT(message_of([&] { GradCam(*model).explain(image(), 4); }),
             Catch::Contains("no class 4 among 4"));
  CHECK_THAT(message_of([&] { GradCam(*model).explain(image(), -1); }),
             Catch::Contains("no class -1"));
  CHECK_THAT(message_of([&] { GradCam(*model, {.layer = "flatten"}).explain(image()); }),
             Catch::Contains("'flatten' gives [1, 32]"));
  CHECK_THAT(message_of([&] {
               GradCam(*model).explain(Tensor::zeros({2, 3, 18, 22}));
             }),
             Catch::Contains("takes one image"));
  CHECK_THAT(message_of([&] { GradCam(*model->named_children()[3].second); }),
             Catch::Contains("no 'features'"));
  model->train();
  CHECK_THAT(message_of([&] { GradCam{*model}; }), Catch::Contains("is in train mode"));
}

TEST_CASE("grad_cam: a layer without a gradient is refused by its name", "[nn][grad_cam]") {
  const auto model = network();
  model->add("probabilities", std::make_shared<Softmax>(1));
  model->eval();
  GradCam cam(*model);
  CHECK_THROWS_AS(cam.explain(image()), Unsupported);
  CHECK_THAT(message_of([&] { cam.explain(image()); }),
             Catch::Contains("'softmax' has no gradient: layer 'probabilities'"));
}

TEST_CASE("scale_map: from 0 to 1, between pixel centres, and 0 for equal values",
          "[nn][grad_cam]") {
  const auto scaled = [](const std::vector<float>& map, const Shape& shape, std::int64_t h,
                         std::int64_t w) {
    const Tensor result = scale_map(Tensor::from(map, shape), h, w);
    return std::vector<float>(result.values<float>().begin(), result.values<float>().end());
  };
  const std::vector<float> between = scaled({2, 4}, {1, 2}, 1, 4);
  const std::vector<float> expected{0, 0.25F, 0.75F, 1};
  for (std::size_t i = 0; i < 4; ++i) CHECK(between.at(i) == Approx(expected[i]).margin(1e-6));
  CHECK(scaled({3, 3, 3, 3}, {2, 2}, 1, 3) == std::vector<float>{0, 0, 0});
  CHECK_THROWS_AS(scale_map(Tensor::zeros({1, 2, 2}), 4, 4), InvalidArgument);
  CHECK_THROWS_AS(scale_map(Tensor::zeros({2, 2}), 0, 4), InvalidArgument);
}

}  // namespace
