// Sessions in fp8, on the emulated device.
#include <lamina/core/error.h>
#include <lamina/nn/session.h>
#include <lamina/nn/simple_layers.h>

#include "tests/nn/networks.h"

#include <catch2/catch.hpp>

using namespace lamina;
using namespace lamina::nn;
using Catch::Matchers::Contains;

namespace {

InputRanges ranges_of(const Module& network, const Tensor& batch) {
  Session session(network, {.device = "cpu", .max_batch = 4, .record_input_ranges = true});
  session.run(batch);
  return session.input_ranges();
}

SessionOptions fp8(const InputRanges& ranges, std::int64_t max_batch = 1) {
  return {.device = "cuda", .precision = "fp8", .max_batch = max_batch, .input_ranges = ranges};
}

std::string plan_of(const Session& session, const std::string& name) {
  std::string plans;
  for (const Session::Step& step : session.steps()) {
    if (step.name == name) plans += step.what + " " + step.plan + "; ";
  }
  return plans;
}

}  // namespace

TEST_CASE("cuda fp8: agrees with float32 as far as 4 bits do, in any batch with the same bits",
          "[nn][cuda]") {
  const auto network = test::network_for_fp8();
  const Tensor batch = test::pattern({3, 3, 10, 9});
  const Tensor expected = Session(*network, {.device = "cpu", .max_batch = 3}).run(batch).clone();
  Session session(*network, fp8(ranges_of(*network, batch), 3));
  const Tensor actual = session.run(batch).clone();
  const Difference d = difference(actual, expected);
  INFO("off by " << d.max_abs / d.max_abs_reference << ", cosine " << d.cosine);
  CHECK(d.cosine > 0.995);
  CHECK(!(d.max_abs > 0.1 * d.max_abs_reference));
  for (std::int64_t i = 0; i < 3; ++i) {
    CHECK(equal_bits(session.run(batch.slice(0, i, i + 1)), actual.slice(0, i, i + 1)));
  }
}

TEST_CASE("cuda fp8: layers of whole steps are fp8, the rest and the last bf16", "[nn][cuda]") {
  const auto network = test::network_for_fp8();
  const Tensor image = test::pattern({1, 3, 10, 9});
  Session session(*network, fp8(ranges_of(*network, image)));
  session.run(image);
  CHECK_THAT(plan_of(session, "0"), Contains("to_nhwc") && Contains("implicit_gemm bf16"));
  CHECK_THAT(plan_of(session, "2"), Contains("wgmma bf16 to fp8"));
  CHECK_THAT(plan_of(session, "4"), Contains("wgmma fp8"));
  CHECK_THAT(plan_of(session, "7"), Contains("wgmma fp8"));
  // The adaptive pool's bf16 becomes rows of fp8 at once.
  CHECK_THAT(plan_of(session, "10"), Contains("to_nchw") && Contains("flatten"));
  CHECK_THAT(plan_of(session, "11"), Contains("wgmma fp8") && !Contains("to_"));
  CHECK_THAT(plan_of(session, "13"), Contains("wgmma bf16"));
}

TEST_CASE("cuda fp8: a layer whose range is not known is bf16", "[nn][cuda]") {
  const auto network = test::network_for_fp8();
  const Tensor image = test::pattern({1, 3, 10, 9});
  InputRanges ranges = ranges_of(*network, image);
  ranges.erase("4");
  ranges.erase("11");
  Session session(*network, fp8(ranges));
  const Tensor actual = session.run(image).clone();
  CHECK_THAT(plan_of(session, "2"), Contains("wgmma bf16") && !Contains("to fp8"));
  CHECK_THAT(plan_of(session, "4"), Contains("wgmma bf16 to fp8"));
  CHECK_THAT(plan_of(session, "11"), Contains("wgmma bf16"));
  const Tensor expected = Session(*network, {.device = "cpu"}).run(image);
  CHECK(difference(actual, expected).cosine > 0.995);
}

TEST_CASE("cuda fp8: values in between are given in their own units", "[nn][cuda]") {
  const auto network = test::network_for_fp8();
  const Tensor image = test::pattern({1, 3, 10, 9});
  const std::vector<std::string> names{"3", "6", "10"};
  SessionOptions options = fp8(ranges_of(*network, image));
  options.outputs = names;
  Session session(*network, options);
  Session exact(*network, {.device = "cpu", .outputs = names});
  session.run(image);
  exact.run(image);
  for (const std::string& name : names) {
    INFO(name);
    const Difference d = difference(session.output(name), exact.output(name));
    CHECK(d.cosine > 0.995);
    CHECK(!(d.max_abs > 0.1 * d.max_abs_reference));
  }
}

TEST_CASE("cuda fp8: what goes beyond twice the range is cut off", "[nn][cuda]") {
  const auto network = test::network_for_fp8();
  const Tensor image = test::pattern({1, 3, 10, 9});
  InputRanges ranges = ranges_of(*network, image);
  ranges.at("4") /= 64;
  SessionOptions options = fp8(ranges);
  options.outputs = {"3"};
  Session session(*network, options);
  const Tensor logits = session.run(image);
  float largest = 0;
  const Tensor cut = session.output("3");
  for (const float value : cut.values<float>()) largest = std::max(largest, value);
  CHECK(largest >= 2 * ranges.at("4"));
  CHECK(largest < 4 * ranges.at("4"));
  CHECK(difference(logits, logits).max_abs == 0);  // no NaN, which differs from itself
}

TEST_CASE("cuda fp8: without any range it says how to calibrate", "[nn][cuda][errors]") {
  const auto network = test::network_for_fp8();
  CHECK_THROWS_AS(Session(*network, fp8({})), Unsupported);
  CHECK_THROWS_WITH(Session(*network, fp8({})), Contains("how large the inputs of layers become"));
  CHECK_THROWS_WITH(Session(*network, {.device = "cpu", .precision = "fp8"}),
                    "[session] precision 'fp8' is not available on cpu");
}
