// Sessions on a CUDA device: the emulated one, whose kernels are checked access by access.
#include <lamina/core/error.h>
#include <lamina/nn/conv2d.h>
#include <lamina/nn/linear.h>
#include <lamina/nn/pooling.h>
#include <lamina/nn/session.h>
#include <lamina/nn/simple_layers.h>

#include "kernels/cuda/runtime.h"
#include "tests/nn/networks.h"
#include "tests/support/environment.h"

#include <catch2/catch.hpp>

#include <map>
#include <stdexcept>

using namespace lamina;
using namespace lamina::nn;
using Catch::Matchers::Contains;

namespace {

Tensor run_once(const Module& module, const Tensor& batch, SessionOptions options) {
  return Session(module, std::move(options)).run(batch).clone();
}

std::int64_t device_bytes_in_use() {
  const auto memory = kernels::cuda::memory_info(0);
  return memory.total_bytes - memory.free_bytes;
}

// Doubles its input: a layer that no plan knows.
class Doubling : public Module {
 public:
  Tensor forward(const Tensor& input) const override { return input.clone(); }
  std::string type_name() const override { return "Doubling"; }
};

double relative_error(const Tensor& actual, const Tensor& expected) {
  const Difference d = difference(actual, expected);
  return d.max_abs / d.max_abs_reference;
}

const std::map<std::string, double> kBounds{
    {"fp32", 1e-5}, {"tf32", 1e-3}, {"fp16", 5e-3}, {"bf16", 2e-2}};

}  // namespace

TEST_CASE("cuda session: agrees with the processor in every precision", "[nn][cuda]") {
  const auto network = test::small_network();
  const Tensor batch = test::pattern({3, 3, 11, 9});
  const Tensor expected = run_once(*network, batch, {.device = "cpu", .max_batch = 3});
  for (const auto& [precision, bound] : kBounds) {
    INFO(precision);
    const Tensor actual =
        run_once(*network, batch, {.device = "cuda", .precision = precision, .max_batch = 2});
    CHECK(!(relative_error(actual, expected) > bound));
  }
}

TEST_CASE("cuda session: the plan has fused steps, and says what they run", "[nn][cuda]") {
  const auto network = test::small_network();
  Session session(*network, {.device = "cuda:0", .precision = "bf16"});
  CHECK(session.device() == Device{DeviceType::cuda, 0});
  CHECK(session.steps().empty());
  session.run(test::pattern({1, 3, 8, 8}));
  std::vector<std::string> what;
  for (const Session::Step& step : session.steps()) what.push_back(step.name + " " + step.what);
  CHECK(what == std::vector<std::string>{"0 to_nhwc", "0 conv2d+bn+relu+max_pool2d",
                                         "4 conv2d+relu", "6 adaptive_avg_pool2d", "7 to_nchw",
                                         "7 flatten", "8 linear+relu", "11 linear"});
  CHECK_THAT(session.steps()[1].plan, Contains("bf16"));
  CHECK(session.steps()[1].output == Shape({1, 20, 4, 4}));
  CHECK(session.steps()[1].macs == 8 * 8 * 20 * 27);
  CHECK(session.arena_bytes() > 0);
  CHECK(session.packed_bytes() > 0);
}

TEST_CASE("cuda session: an image's bits do not depend on its batch", "[nn][cuda]") {
  const auto network = test::small_network();
  const Tensor batch = test::pattern({5, 3, 9, 7});
  for (const auto& [precision, bound] : kBounds) {
    INFO(precision);
    const SessionOptions options{.device = "cuda", .precision = precision, .max_batch = 5};
    Session session(*network, options);
    const Tensor expected = session.run(batch).clone();
    for (std::int64_t i = 0; i < 5; ++i) {
      const Tensor image = batch.slice(0, i, i + 1), row = expected.slice(0, i, i + 1);
      CHECK(equal_bits(session.run(image), row));
      CHECK(equal_bits(run_once(*network, image, {.device = "cuda", .precision = precision}), row));
    }
    CHECK(equal_bits(
        run_once(*network, batch, {.device = "cuda", .precision = precision, .max_batch = 2}),
        expected));
  }
}

TEST_CASE("cuda session: runs on Hopper's tensor cores where they are asked for", "[nn][cuda]") {
  // "hopper": each kernel may start before the one in front of it has ended.
  const std::string wish = GENERATE("wgmma", "hopper");
  const test::EnvironmentVariable plan("LAMINA_CUDA_PLAN", wish.c_str());
  const auto network = test::network_of_whole_steps();
  const Tensor batch = test::pattern({3, 3, 9, 8});
  const Tensor expected = run_once(*network, batch, {.device = "cpu", .max_batch = 3});
  for (const std::string precision : {"tf32", "fp16", "bf16"}) {
    INFO(wish << ", " << precision);
    Session session(*network, {.device = "cuda", .precision = precision, .max_batch = 3});
    const Tensor actual = session.run(batch).clone();
    CHECK(!(relative_error(actual, expected) > kBounds.at(precision)));
    CHECK(equal_bits(session.run(batch.slice(0, 1, 2)), actual.slice(0, 1, 2)));
    CHECK_THAT(session.steps()[2].plan, Contains("wgmma"));
    CHECK_THAT(session.steps().back().plan, Contains("weights as rows"));
  }
}

TEST_CASE("cuda session: a padded convolution of one pixel is no linear layer", "[nn][cuda]") {
  Sequential network;
  network.add(std::make_shared<Conv2d>(
      Conv2dOptions{.in_channels = 3, .out_channels = 4, .kernel_size = 1, .padding = 1}));
  test::fill_with_patterns(network);
  network.eval();
  const Tensor batch = test::pattern({2, 3, 1, 1});
  const Tensor expected = run_once(network, batch, {.device = "cpu", .max_batch = 2});
  const Tensor actual = run_once(network, batch, {.device = "cuda", .max_batch = 2});
  CHECK(!(relative_error(actual, expected) > kBounds.at("fp32")));
}

TEST_CASE("cuda session: gives the outputs that were asked for", "[nn][cuda]") {
  const auto network = test::small_network();
  const std::vector<std::string> names{"0", "2", "3", "6", "7", "10", "11"};
  const Tensor batch = test::pattern({3, 3, 8, 8});
  Session cpu(*network, {.device = "cpu", .outputs = names});
  const Tensor expected = cpu.run(batch);
  for (const auto& [precision, bound] : kBounds) {
    Session session(*network,
                    {.device = "cuda", .precision = precision, .max_batch = 2, .outputs = names});
    const Tensor result = session.run(batch);
    CHECK(!(relative_error(result, expected) > bound));
    CHECK(equal_bits(session.output("11"), result));
    for (const std::string& name : names) {
      INFO(precision << ", " << name);
      REQUIRE(session.output(name).shape() == cpu.output(name).shape());
      CHECK(!(relative_error(session.output(name), cpu.output(name)) > bound));
    }
  }
}

TEST_CASE("cuda session: every layer has kernels", "[nn][cuda]") {
  Sequential network;
  network.add(std::make_shared<ReLU>())
      .add(std::make_shared<MaxPool2d>(
          MaxPool2dOptions{.kernel_size = 3, .stride = 2, .padding = 1, .ceil_mode = true}))
      .add(std::make_shared<AvgPool2d>(AvgPool2dOptions{.kernel_size = 2, .stride = 1}))
      .add(std::make_shared<Conv2d>(Conv2dOptions{.in_channels = 4,
                                                  .out_channels = 6,
                                                  .kernel_size = Size2(3, 2),
                                                  .stride = Size2(1, 2),
                                                  .padding = 1,
                                                  .dilation = Size2(2, 1),
                                                  .groups = 2}))
      .add(std::make_shared<MaxPool2d>(MaxPool2dOptions{}))
      .add(std::make_shared<Flatten>())
      .add(std::make_shared<Softmax>(1));
  test::fill_with_patterns(network);
  network.eval();
  const Tensor batch = test::pattern({2, 4, 17, 15});
  const Tensor expected = run_once(network, batch, {.device = "cpu"});
  for (const auto& [precision, bound] : kBounds) {
    INFO(precision);
    CHECK(!(relative_error(run_once(network, batch, {.device = "cuda", .precision = precision}),
                           expected) > bound));
  }
}

TEST_CASE("cuda session: a layer without kernels is an error that names it", "[nn][cuda][errors]") {
  Sequential network;
  network.add(std::make_shared<Doubling>());
  network.eval();
  Session session(network, {.device = "cuda"});
  CHECK_THROWS_AS(session.run(test::pattern({1, 4})), Unsupported);
  CHECK_THROWS_WITH(session.run(test::pattern({1, 4})), Contains("'Doubling' has no CUDA kernels"));
}

TEST_CASE("cuda session: sessions of one model share its weights, and give all memory back",
          "[nn][cuda]") {
  const std::int64_t before = device_bytes_in_use();
  {
    const auto network = test::small_network();
    const Tensor image = test::pattern({1, 3, 8, 8});
    Session first(*network, {.device = "cuda"});
    first.run(image);
    const std::int64_t one = device_bytes_in_use() - before;
    Session second(*network, {.device = "cuda"});
    second.run(image);
    const std::int64_t two = device_bytes_in_use() - before;
    CHECK(two - one == first.arena_bytes());
    CHECK(two - one < one);
  }
  CHECK(device_bytes_in_use() == before);
}

TEST_CASE("cuda session: nothing is allocated on the device after the first run", "[nn][cuda]") {
  const auto network = test::small_network();
  Session session(*network, {.device = "cuda", .max_batch = 3});
  session.run(test::pattern({3, 3, 8, 8}));
  const std::int64_t before = device_bytes_in_use();
  for (const std::int64_t n : {1, 2, 3, 7}) session.run(test::pattern({n, 3, 8, 8}));
  CHECK(device_bytes_in_use() == before);
}

TEST_CASE("cuda session: takes inputs of another size, and no images at all", "[nn][cuda]") {
  const auto network = test::small_network();
  Session session(*network, {.device = "cuda", .max_batch = 2});
  for (const Shape& shape : {Shape{2, 3, 8, 8}, Shape{1, 3, 10, 13}, Shape{2, 3, 8, 8}}) {
    const Tensor batch = test::pattern(shape);
    CHECK(
        !(relative_error(session.run(batch), run_once(*network, batch, {.device = "cpu"})) > 1e-5));
  }
  CHECK(session.run(Tensor::zeros({0, 3, 8, 8})).shape() == Shape({0, 10}));
}

TEST_CASE("cuda session: what is called between two passes may end the run", "[nn][cuda]") {
  const auto network = test::small_network();
  const Tensor batch = test::pattern({5, 3, 8, 8});
  int calls = 0, last = 100;
  const auto stop = [&] {
    if (++calls == last) throw std::runtime_error("enough");
  };
  Session session(*network, {.device = "cuda", .max_batch = 2, .between_passes = stop});
  const Tensor all = session.run(batch).clone();
  CHECK(calls == 2);
  last = calls + 1;
  CHECK_THROWS_WITH(session.run(batch), "enough");
  last = 100;
  CHECK(equal_bits(session.run(batch), all));
}

TEST_CASE("cuda session: a model that begins with rows", "[nn][cuda]") {
  Sequential network;
  network.add(std::make_shared<Linear>(LinearOptions{.in_features = 13, .out_features = 5}));
  test::fill_with_patterns(network);
  network.eval();
  const Tensor batch = test::pattern({4, 3, 13});
  const Tensor expected = run_once(network, batch, {.device = "cpu"});
  const Tensor actual = run_once(network, batch, {.device = "cuda", .max_batch = 3});
  REQUIRE(actual.shape() == Shape({4, 3, 5}));
  CHECK(!(relative_error(actual, expected) > 1e-5));
}

TEST_CASE("cuda session: exhausted memory says how much there is, and a smaller batch works",
          "[nn][cuda][errors]") {
  const auto network = test::small_network();
  Session session(*network, {.device = "cuda", .max_batch = 100'000});
  const Tensor image = test::pattern({1, 3, 64, 64});
  CHECK_THROWS_AS(session.run(image), DeviceError);
  CHECK_THROWS_WITH(session.run(image), Contains("free"));
  CHECK_NOTHROW(session.run(test::pattern({1, 3, 4, 4})));
}

TEST_CASE("cuda session: profile gives each step a time", "[nn][cuda]") {
  const auto network = test::small_network();
  Session session(*network, {.device = "cuda", .max_batch = 2, .profile = true});
  const Tensor batch = test::pattern({3, 3, 8, 8});
  const Tensor profiled = session.run(batch);
  for (const Session::Step& step : session.steps()) CHECK(!(step.time_ms < 0));
  CHECK(equal_bits(profiled, run_once(*network, batch, {.device = "cuda", .max_batch = 2})));
}

TEST_CASE("cuda session: auto takes the device, and int8 is refused", "[nn][cuda]") {
  const auto network = test::small_network();
  CHECK(Session(*network).device() == Device{DeviceType::cuda, 0});
  CHECK_THROWS_AS(Session(*network, {.precision = "int8"}), Unsupported);
  CHECK_THROWS_AS(Session(*network, {.device = "cuda:1"}), DeviceError);
}
