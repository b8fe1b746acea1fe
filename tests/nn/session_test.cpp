#include <lamina/core/error.h>
#include <lamina/nn/conv2d.h>
#include <lamina/nn/linear.h>
#include <lamina/nn/session.h>
#include <lamina/nn/simple_layers.h>

#include "core/derived.h"
#include "tests/nn/networks.h"
#include "tests/support/environment.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <thread>

using namespace lamina;
using namespace lamina::nn;

namespace {

Tensor run_once(const Module& module, const Tensor& batch, SessionOptions options) {
  return Session(module, std::move(options)).run(batch).clone();
}

// Doubles its input: a layer that no plan knows.
class Doubling : public Module {
 public:
  Tensor forward(const Tensor& input) const override {
    Tensor output = input.clone();
    for (std::int64_t i = 0; i < output.numel(); ++i) output.mutable_data<float>()[i] *= 2.0f;
    return output;
  }
  std::string type_name() const override { return "Doubling"; }
};

}  // namespace

TEST_CASE("session: agrees with running the modules one by one", "[nn][session]") {
  const auto network = test::small_network();
  const Tensor batch = test::pattern({3, 3, 11, 9});
  const Difference d = difference(run_once(*network, batch, {.max_batch = 4}), (*network)(batch));
  CHECK(!(d.max_abs > 1e-5 * d.max_abs_reference));
  CHECK(d.max_abs_reference > 0);
}

TEST_CASE("session: convolution, batch norm, ReLU and 2x2 max pooling become one step",
          "[nn][session]") {
  const auto network = test::small_network();
  Session session(*network);
  CHECK(session.steps().empty());
  session.run(test::pattern({1, 3, 8, 8}));
  std::vector<std::string> what;
  for (const Session::Step& step : session.steps()) what.push_back(step.name + " " + step.what);
  CHECK(what == std::vector<std::string>{"0 to_nhwc", "0 conv2d+bn+relu+max_pool2d",
                                         "4 conv2d+relu", "6 adaptive_avg_pool2d", "7 to_nchw",
                                         "7 flatten", "8 linear+relu", "11 linear"});
}

TEST_CASE("session: an image's bits do not depend on its batch or on the threads",
          "[nn][session]") {
  const auto network = test::small_network();
  const Tensor batch = test::pattern({8, 3, 13, 10});
  const Tensor expected = run_once(*network, batch, {.threads = 1, .max_batch = 8});
  for (const int threads : {1, 2, 3}) {
    for (const std::int64_t max_batch : {1, 3, 8}) {
      INFO(threads << " threads, passes of " << max_batch);
      CHECK(equal_bits(run_once(*network, batch, {.threads = threads, .max_batch = max_batch}),
                       expected));
    }
    for (std::int64_t i = 0; i < 8; ++i) {
      const Tensor alone = run_once(*network, batch.slice(0, i, i + 1), {.threads = threads});
      CHECK(equal_bits(alone, expected.slice(0, i, i + 1)));
    }
  }
}

TEST_CASE(
    "session: large values go through the first layers a few images at a time, to the same bits",
    "[nn][session]") {
  // 4 MB for each image's value before the pooling: three images at a time, then the other two.
  const auto network = test::wide_network();
  const Tensor batch = test::pattern({5, 3, 256, 256});
  const std::vector<std::string> names = {"1", "4"};
  Session alone(*network, {.outputs = names});
  Session together(*network, {.max_batch = 5, .outputs = names});
  CHECK(equal_bits(together.run(batch), alone.run(batch)));
  for (const std::string& name : names) {
    INFO(name);
    CHECK(equal_bits(together.output(name), alone.output(name)));
  }
  // Fewer images than were planned for, and one in the second round.
  const Tensor four = batch.slice(0, 0, 4).clone();
  CHECK(equal_bits(together.run(four), alone.run(four)));
}

TEST_CASE("session: images without pixels give a result without values", "[nn][session]") {
  Sequential network;
  network.add(std::make_shared<ReLU>());
  network.eval();
  Session session(network, {.max_batch = 2});
  CHECK(session.run(Tensor::empty(Shape{2, 3, 0, 0})).shape() == Shape{2, 3, 0, 0});
}

TEST_CASE("session: a larger batch does not need the large values of all its images at a time",
          "[nn][session]") {
  const auto network = test::wide_network();
  const auto arena_of = [&](std::int64_t max_batch) {
    Session session(*network, {.max_batch = max_batch});
    session.run(test::pattern({1, 3, 256, 256}));
    return session.arena_bytes();
  };
  const std::int64_t kLargeValue = 16 * 256 * 256 * 4;
  CHECK(arena_of(16) - arena_of(8) < 8 * kLargeValue);
}

TEST_CASE("session: gives the outputs that were asked for, as the modules give them",
          "[nn][session]") {
  const auto network = test::small_network();
  const std::vector<std::string> names{"0", "2", "3", "6", "10", "11"};
  const Tensor batch = test::pattern({5, 3, 8, 8});
  std::map<std::string, Tensor> expected;
  for (const std::string& name : names) {
    network->get_submodule(name).register_forward_hook(
        [&expected, name](const Module&, const Tensor& output) { expected[name] = output; });
  }
  (*network)(batch);
  Session session(*network, {.max_batch = 2, .outputs = names});
  CHECK_THROWS_WITH(session.output("0"), "[session] nothing has been run yet");
  session.run(batch);
  for (const std::string& name : names) {
    INFO(name);
    REQUIRE(session.output(name).shape() == expected[name].shape());
    CHECK(allclose(session.output(name), expected[name], 1e-5, 1e-4));
  }
  CHECK_THROWS_WITH(session.output("5"), "[session] '5' was not asked for in options.outputs");
}

TEST_CASE("session: takes inputs of another size from one run to the next", "[nn][session]") {
  const auto network = test::small_network();
  Session session(*network, {.max_batch = 2});
  for (const Shape& shape : {Shape{1, 3, 8, 8}, Shape{2, 3, 16, 5}, Shape{5, 3, 8, 8}}) {
    const Tensor batch = test::pattern(shape);
    CHECK(equal_bits(session.run(batch), run_once(*network, batch, {})));
  }
}

TEST_CASE("session: an empty batch gives an empty result", "[nn][session]") {
  const auto network = test::small_network();
  CHECK(Session(*network).run(Tensor::zeros({0, 3, 8, 8})).shape() == Shape{0, 10});
}

TEST_CASE("session: a result stays what it is while somebody holds it", "[nn][session]") {
  const auto network = test::small_network();
  Session session(*network);
  const Tensor first = session.run(test::pattern({1, 3, 8, 8}, 1));
  const Tensor copy = first.clone();
  const Tensor second = session.run(test::pattern({1, 3, 8, 8}, 2));
  const Tensor third = session.run(test::pattern({1, 3, 8, 8}, 3));
  CHECK(equal_bits(first, copy));
  CHECK_FALSE(equal_bits(second, third));
}

TEST_CASE("session: what is called between two passes may end the run", "[nn][session]") {
  const auto network = test::small_network();
  const Tensor batch = test::pattern({5, 3, 8, 8});
  int calls = 0, last = 100;
  const auto stop = [&] {
    if (++calls == last) throw std::runtime_error("enough");
  };
  Session session(*network, {.device = "cpu", .max_batch = 2, .between_passes = stop});
  const Tensor all = session.run(batch).clone();
  CHECK(calls == 2);
  last = calls + 1;
  CHECK_THROWS_WITH(session.run(batch), "enough");
  last = 100;
  CHECK(equal_bits(session.run(batch), all));
}

TEST_CASE("session: runs a layer that no plan knows by its forward", "[nn][session]") {
  auto network = test::small_network();
  network->add(std::make_shared<Doubling>());
  network->eval();
  const Tensor batch = test::pattern({2, 3, 8, 8});
  const Tensor doubled = run_once(*network, batch, {.max_batch = 2});
  const Tensor plain = run_once(*test::small_network(), batch, {.max_batch = 2});
  CHECK(equal_bits(doubled, Doubling()(plain)));
}

TEST_CASE("session: keeps the weights alive when the modules are gone", "[nn][session]") {
  const Tensor batch = test::pattern({1, 3, 8, 8});
  auto network = test::small_network();
  const Tensor expected = run_once(*network, batch, {});
  Session session(*network);
  network.reset();
  CHECK(equal_bits(session.run(batch), expected));
}

TEST_CASE("session: two sessions on two threads give the bits of one", "[nn][session][threads]") {
  const auto network = test::small_network();
  const Tensor batch = test::pattern({4, 3, 16, 16});
  const Tensor expected = run_once(*network, batch, {.threads = 2, .max_batch = 4});
  std::vector<std::thread> threads;
  std::vector<Tensor> results(3);
  for (Tensor& result : results) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        result = run_once(*network, batch, {.threads = 2, .max_batch = 4});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Tensor& result : results) CHECK(equal_bits(result, expected));
}

TEST_CASE("session: sessions of one model share what they pack", "[nn][session]") {
  const auto network = test::small_network();
  int made = 0;
  const auto count = [&made] { return std::make_shared<const int>(++made); };
  const Tensor& weight = network->get_submodule("4").parameter("weight");
  const auto first = derived(weight, "key", count);
  CHECK(derived(weight, "key", count) == first);
  CHECK(derived(weight, "other key", count) != first);
  CHECK(made == 2);
  // A view that begins elsewhere in the same storage has bytes of its own.
  CHECK(derived(weight.slice(0, 1, 2), "key", count) != first);
}

TEST_CASE("session: weights changed afterwards reach the sessions made afterwards",
          "[nn][session]") {
  const auto network = test::small_network();
  const Tensor batch = test::pattern({1, 3, 8, 8});
  Session before(*network);
  const Tensor old_result = before.run(batch).clone();
  Tensor weight = network->get_submodule("4").parameter("weight");
  weight.mutable_data<float>()[0] += 1.0f;
  CHECK_FALSE(equal_bits(run_once(*network, batch, {}), old_result));
}

TEST_CASE("session: a narrower precision is near fp32, with the same bits in any batch",
          "[nn][session]") {
  const auto network = test::small_network();
  const Tensor batch = test::pattern({5, 3, 13, 10});
  const Tensor full = run_once(*network, batch, {.max_batch = 5});
  for (const std::string precision : {"bf16", "int8"}) {
    const Tensor narrow =
        run_once(*network, batch, {.precision = precision, .threads = 1, .max_batch = 5});
    const Difference d = difference(narrow, full);
    INFO(precision);
    CHECK(!(d.max_abs > 2e-2 * d.max_abs_reference));
    CHECK(d.max_abs > 0);
    for (const int threads : {1, 2, 3}) {
      for (const std::int64_t max_batch : {1, 2, 5}) {
        const SessionOptions options{
            .precision = precision, .threads = threads, .max_batch = max_batch};
        CHECK(equal_bits(run_once(*network, batch, options), narrow));
      }
    }
  }
}

TEST_CASE(
    "session: the inputs of convolutions and linear layers are looked at where that was asked for",
    "[nn][session]") {
  const auto network = test::small_network();
  const Tensor batch = test::pattern({3, 3, 13, 10});
  Session session(*network,
                  {.max_batch = 2, .outputs = {"3", "7", "10"}, .record_input_ranges = true});
  CHECK(session.input_ranges().empty());
  session.run(batch);
  const auto largest = [](const Tensor& values) {
    float most = 0;
    for (std::int64_t i = 0; i < values.numel(); ++i) {
      most = std::max(most, std::fabs(values.data<float>()[i]));
    }
    return most;
  };
  const InputRanges expected{{"0", largest(batch)},
                             {"4", largest(session.output("3"))},
                             {"8", largest(session.output("7"))},
                             {"11", largest(session.output("10"))}};
  CHECK(session.input_ranges() == expected);
  // Runs add up, whatever their size.
  session.run(Tensor::zeros({1, 3, 20, 20}));
  CHECK(session.input_ranges() == expected);
  Tensor infinite = batch.clone();
  infinite.mutable_data<float>()[5] = -std::numeric_limits<float>::infinity();
  session.run(infinite);
  CHECK(std::isinf(session.input_ranges().at("0")));
}

TEST_CASE("session: int8 rounds by the ranges that are given", "[nn][session]") {
  const test::EnvironmentVariable plan("LAMINA_CONV2D_PLAN", "winograd_f4_q15");
  const auto network = test::small_network();
  const Tensor batch = test::pattern({2, 3, 13, 10});
  const Tensor own = run_once(*network, batch, {.precision = "int8"});
  // What a tile goes beyond is no range for it.
  CHECK(equal_bits(
      run_once(*network, batch, {.precision = "int8", .input_ranges = {{"0", 1e-3f}, {"4", 0}}}),
      own));
  const Tensor ranged =
      run_once(*network, batch, {.precision = "int8", .input_ranges = {{"0", 2.0f}}});
  CHECK_FALSE(equal_bits(ranged, own));
  const Difference d = difference(ranged, own);
  CHECK(!(d.max_abs > 4e-2 * d.max_abs_reference));
  // Of no use to the other precisions, and no harm.
  CHECK(equal_bits(run_once(*network, batch, {.input_ranges = {{"0", 2.0f}}}),
                   run_once(*network, batch, {})));
}

TEST_CASE("session: ranges of no convolution or of no size are refused", "[nn][session][errors]") {
  const auto network = test::small_network();
  CHECK_THROWS_WITH(
      Session(*network, {.input_ranges = {{"1", 1.0f}}}),
      "[session] input_ranges['1']: the model has no such convolution or linear layer");
  CHECK_THROWS_WITH(Session(*network, {.input_ranges = {{"0", -1.0f}}}),
                    "[session] input_ranges['0'] is -1");
  CHECK_THROWS_AS(
      Session(*network, {.input_ranges = {{"0", std::numeric_limits<float>::quiet_NaN()}}}),
      InvalidArgument);
}

TEST_CASE("session: sessions of one model in two precisions do not disturb each other",
          "[nn][session]") {
  const auto network = test::small_network();
  const Tensor batch = test::pattern({1, 3, 13, 10});
  Session full(*network), narrow(*network, {.precision = "bf16"});
  const Tensor before = full.run(batch).clone();
  const Tensor rounded = narrow.run(batch).clone();
  CHECK(equal_bits(full.run(batch), before));
  CHECK(equal_bits(narrow.run(batch), rounded));
  CHECK_FALSE(equal_bits(before, rounded));
}

TEST_CASE("session: what it cannot do is one clear error", "[nn][session][errors]") {
  const auto network = test::small_network();
  CHECK_THROWS_AS(Session(*network, {.device = "cuda:99"}), DeviceError);
  CHECK_THROWS_WITH(Session(*network, {.device = "cuda:99"}),
                    Catch::StartsWith("[session] device 'cuda:99' is not available: "));
  CHECK_THROWS_WITH(Session(*network, {.device = "gpu"}), "[device] 'gpu' is not a device");
  CHECK_THROWS_WITH(Session(*network, {.precision = "fp16"}),
                    "[session] precision 'fp16' is not available on cpu");
  CHECK_THROWS_WITH(Session(*network, {.precision = "fp4"}), "[session] 'fp4' is not a precision");
  CHECK_THROWS_WITH(Session(*network, {.outputs = {"99"}}),
                    "[module] Sequential has no layer '99'");
  CHECK_THROWS_WITH(Session(*network).run(Tensor::zeros({1, 4, 8, 8})),
                    Catch::Contains("input has 4 channels, weight expects 3"));
  network->train();
  CHECK_THROWS_WITH(Session(*network), "[session] the model is in train mode");
}

TEST_CASE("session: an unknown instruction set in LAMINA_ISA is refused", "[nn][session][errors]") {
  const test::EnvironmentVariable variable("LAMINA_ISA", "mmx");
  CHECK_THROWS_WITH(Session(*test::small_network()),
                    "[cpu] LAMINA_ISA=mmx names no instruction set");
}
