// The reference kernels against PyTorch's answers (make_fixtures.py) and a few by hand.
#include "kernels/reference/reference.h"

#include "tests/kernels/support.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>
#include <limits>

namespace lamina::test {
namespace {

using namespace kernels;
using nlohmann::json;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

const json& cases(const char* operation) {
  static const json all =
      json::parse(std::ifstream(std::string(LAMINA_TEST_DATA) + "/kernels/pytorch.json"));
  return all.at(operation);
}

Floats floats(const json& test, const char* name) { return test.at(name).get<Floats>(); }

std::int64_t number(const json& test, const char* name) {
  return test.at(name).get<std::int64_t>();
}

const float* pointer(const Floats& values) { return values.empty() ? nullptr : values.data(); }

// The answers were rounded once from double; ours too, but from sums in another order.
std::string one_rounding(const Floats& expected, const Floats& actual) {
  return excess(expected, actual, [&](std::size_t i) {
    return 0x1p-23 * std::fabs(static_cast<double>(expected[i])) + 1e-12;
  });
}

Conv2dProblem conv2d_problem(const json& t) {
  return {.n = t["n"],
          .c_in = t["c_in"],
          .h = t["h"],
          .w = t["w"],
          .c_out = t["c_out"],
          .kh = t["kernel"][0],
          .kw = t["kernel"][1],
          .stride_h = t["stride"][0],
          .stride_w = t["stride"][1],
          .pad_h = t["pad"][0],
          .pad_w = t["pad"][1],
          .dilation_h = t["dilation"][0],
          .dilation_w = t["dilation"][1],
          .groups = t["groups"],
          .relu = t["relu"]};
}

Pool2dProblem pool2d_problem(const json& t) {
  return {.n = t["n"],
          .c = t["c"],
          .h = t["h"],
          .w = t["w"],
          .kh = t["kernel"][0],
          .kw = t["kernel"][1],
          .stride_h = t["stride"][0],
          .stride_w = t["stride"][1],
          .pad_h = t["pad"][0],
          .pad_w = t["pad"][1],
          .dilation_h = t["dilation"][0],
          .dilation_w = t["dilation"][1],
          .ceil_mode = t["ceil_mode"],
          .count_include_pad = t["count_include_pad"],
          .divisor_override = t["divisor_override"]};
}

TEST_CASE("reference conv2d: equals PyTorch", "[kernels][reference]") {
  for (const json& test : cases("conv2d")) {
    const Floats input = floats(test, "input"), weight = floats(test, "weight");
    const Floats bias = floats(test, "bias"), expected = floats(test, "output");
    Floats output(expected.size(), kNan);
    reference::conv2d(conv2d_problem(test), input.data(), weight.data(), bias.data(),
                      output.data());
    CHECK(difference(expected, output) == "");  // eighths: every sum is exact
  }
}

TEST_CASE("reference conv2d: is a cross-correlation, the kernel is not turned",
          "[kernels][reference]") {
  const Floats input{1, 2, 3, 4}, weight{10, 1};
  Floats output(3);
  reference::conv2d({.c_in = 1, .h = 1, .w = 4, .c_out = 1, .kh = 1, .kw = 2}, input.data(),
                    weight.data(), nullptr, output.data());
  CHECK(difference({12, 23, 34}, output) == "");
}

TEST_CASE("reference linear: equals PyTorch", "[kernels][reference]") {
  for (const json& test : cases("linear")) {
    const Floats input = floats(test, "input"), weight = floats(test, "weight");
    const Floats bias = floats(test, "bias"), expected = floats(test, "output");
    Floats output(expected.size(), kNan);
    reference::linear({.n = test["n"],
                       .in_features = test["in_features"],
                       .out_features = test["out_features"],
                       .relu = test["relu"]},
                      {.input = input.data(),
                       .weight = weight.data(),
                       .bias = bias.data(),
                       .output = output.data()});
    CHECK(difference(expected, output) == "");
  }
}

TEST_CASE("reference pools: equal PyTorch, in shape and in value", "[kernels][reference]") {
  for (const json& test : cases("pool2d")) {
    const Pool2dProblem problem = pool2d_problem(test);
    INFO(test["kind"] << " " << test["kernel"] << " " << test["pad"] << " " << test["ceil_mode"]);
    REQUIRE(problem.oh() == number(test, "oh"));
    REQUIRE(problem.ow() == number(test, "ow"));
    const Floats input = floats(test, "input"), expected = floats(test, "output");
    Floats output(expected.size(), kNan);
    const bool max = test["kind"] == "max";
    (max ? reference::max_pool2d : reference::avg_pool2d)(problem, input.data(), output.data());
    CHECK(one_rounding(expected, output) == "");
  }
}

TEST_CASE("reference max pool: NaN wins over everything", "[kernels][reference]") {
  const Floats input{1, kNan, kInfinity, 2, 3, 4, 5, -kInfinity};
  Floats output(2);
  reference::max_pool2d({.c = 1, .h = 2, .w = 4}, input.data(), output.data());
  CHECK(difference({kNan, kInfinity}, output) == "");
}

TEST_CASE("reference adaptive average pool: equals PyTorch", "[kernels][reference]") {
  for (const json& test : cases("adaptive_avg_pool2d")) {
    const Floats input = floats(test, "input"), expected = floats(test, "output");
    Floats output(expected.size(), kNan);
    reference::adaptive_avg_pool2d({.n = test["n"],
                                    .c = test["c"],
                                    .h = test["h"],
                                    .w = test["w"],
                                    .oh = test["oh"],
                                    .ow = test["ow"]},
                                   input.data(), output.data());
    CHECK(one_rounding(expected, output) == "");
  }
}

TEST_CASE("reference batch norm: equals PyTorch", "[kernels][reference]") {
  for (const json& test : cases("batch_norm")) {
    const Floats input = floats(test, "input"), expected = floats(test, "output");
    const Floats mean = floats(test, "mean"), var = floats(test, "var");
    const Floats weight = floats(test, "weight"), bias = floats(test, "bias");
    Floats output(expected.size(), kNan);
    reference::batch_norm({.n = test["n"], .c = test["c"], .spatial = test["spatial"]},
                          {.input = input.data(),
                           .running_mean = mean.data(),
                           .running_var = var.data(),
                           .weight = pointer(weight),
                           .bias = pointer(bias),
                           .output = output.data()});
    // eps is a float here and a double there: their difference, 1e-13, moves the last digit.
    CHECK(excess(expected, output, [](std::size_t) { return 1e-5; }) == "");
  }
}

TEST_CASE("reference softmax: equals PyTorch", "[kernels][reference]") {
  for (const json& test : cases("softmax")) {
    const Floats input = floats(test, "input"), expected = floats(test, "output");
    Floats output(expected.size(), kNan);
    reference::softmax(test["outer"], test["c"], test["inner"], input.data(), output.data());
    CHECK(one_rounding(expected, output) == "");
  }
}

TEST_CASE("reference softmax: large logits do not overflow, a NaN makes its row NaN",
          "[kernels][reference]") {
  const Floats input{1000, 1000, -1000, 0, kNan, 1};
  Floats output(6);
  reference::softmax(2, 3, 1, input.data(), output.data());
  CHECK(difference({0.5f, 0.5f, 0, kNan, kNan, kNan}, output) == "");
}

TEST_CASE("reference topk: equals PyTorch", "[kernels][reference]") {
  for (const json& test : cases("topk")) {
    const Floats input = floats(test, "input"), expected = floats(test, "values");
    const auto expected_indices = test.at("indices").get<std::vector<std::int64_t>>();
    Floats values(expected.size());
    std::vector<std::int64_t> indices(expected.size());
    reference::topk(test["rows"], test["c"], test["k"], input.data(), values.data(),
                    indices.data());
    CHECK(difference(expected, values) == "");
    CHECK(indices == expected_indices);
  }
}

TEST_CASE("reference topk: of equals the lower index comes first, NaN before all",
          "[kernels][reference]") {
  const Floats input{2, kInfinity, 2, kNan, 3, kNan, 2};
  Floats values(6);
  std::vector<std::int64_t> indices(6);
  reference::topk(1, 7, 6, input.data(), values.data(), indices.data());
  CHECK(indices == std::vector<std::int64_t>{3, 5, 1, 4, 0, 2});
  CHECK(difference({kNan, kNan, kInfinity, 3, 2, 2}, values) == "");
}

TEST_CASE("reference ReLU: keeps NaN", "[kernels][reference]") {
  const Floats input{-1, 0, 2, kNan, -kInfinity, kInfinity};
  Floats output(6);
  reference::relu(input.data(), output.data(), 6);
  CHECK(difference({0, 0, 2, kNan, 0, kInfinity}, output) == "");
}

}  // namespace
}  // namespace lamina::test
