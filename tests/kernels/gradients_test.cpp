// Gradients against PyTorch's autograd (tests/data/kernels/gradients.json), and the fast ones
// against the definition.
#include "kernels/gradients.h"

#include "kernels/reference/reference.h"
#include "tests/kernels/conv2d_cases.h"
#include "tests/kernels/support.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>
#include <limits>

namespace lamina::test {
namespace {

using kernels::AdaptivePool2dProblem;
using kernels::BatchNormProblem;
using kernels::Conv2dProblem;
using kernels::Exec;
using kernels::LinearProblem;
using kernels::Pool2dProblem;
using nlohmann::json;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::int64_t size_of(const json& entry, const char* name, std::size_t axis) {
  return entry.at(name).at(axis).get<std::int64_t>();
}

Conv2dProblem conv2d_problem(const json& e) {
  return {.n = size_of(e, "shape", 0),
          .c_in = size_of(e, "shape", 1),
          .h = size_of(e, "shape", 2),
          .w = size_of(e, "shape", 3),
          .c_out = e.at("c_out"),
          .kh = size_of(e, "kernel", 0),
          .kw = size_of(e, "kernel", 1),
          .stride_h = size_of(e, "stride", 0),
          .stride_w = size_of(e, "stride", 1),
          .pad_h = size_of(e, "pad", 0),
          .pad_w = size_of(e, "pad", 1),
          .dilation_h = size_of(e, "dilation", 0),
          .dilation_w = size_of(e, "dilation", 1),
          .groups = e.at("groups")};
}

Pool2dProblem pool_problem(const json& e) {
  return {.n = size_of(e, "shape", 0),
          .c = size_of(e, "shape", 1),
          .h = size_of(e, "shape", 2),
          .w = size_of(e, "shape", 3),
          .kh = size_of(e, "kernel", 0),
          .kw = size_of(e, "kernel", 1),
          .stride_h = size_of(e, "stride", 0),
          .stride_w = size_of(e, "stride", 1),
          .pad_h = size_of(e, "pad", 0),
          .pad_w = size_of(e, "pad", 1),
          .dilation_h = size_of(e, "dilation", 0),
          .dilation_w = size_of(e, "dilation", 1),
          .ceil_mode = e.at("ceil"),
          .count_include_pad = e.value("include_pad", true),
          .divisor_override = e.value("divisor", std::int64_t{0})};
}

AdaptivePool2dProblem adaptive_problem(const json& e) {
  return {.n = size_of(e, "shape", 0),
          .c = size_of(e, "shape", 1),
          .h = size_of(e, "shape", 2),
          .w = size_of(e, "shape", 3),
          .oh = size_of(e, "out", 0),
          .ow = size_of(e, "out", 1)};
}

void run_batch_norm(const json& e, const float* dy, float* dx, Exec exec) {
  const Floats mean = e.at("mean"), var = e.at("var"), weight = e.at("weight"), bias = e.at("bias");
  const BatchNormProblem problem{.n = size_of(e, "shape", 0),
                                 .c = size_of(e, "shape", 1),
                                 .spatial = size_of(e, "shape", 2) * size_of(e, "shape", 3),
                                 .eps = 0.001F};
  batch_norm_gradient(problem,
                      {.input = nullptr,
                       .running_mean = mean.data(),
                       .running_var = var.data(),
                       .weight = weight.data(),
                       .bias = bias.data(),
                       .output = nullptr},
                      dy, dx, exec);
}

void run_case(const json& e, float* dx, Exec exec) {
  const std::string op = e.at("op");
  const Floats input = e.at("input"), dy = e.at("dy"), weight = e.value("weight", Floats{});
  if (op == "linear") {
    const LinearProblem problem{
        .n = size_of(e, "shape", 0), .in_features = size_of(e, "shape", 1), .out_features = 7};
    linear_gradient(problem, dy.data(), weight.data(), dx, exec);
  } else if (op == "relu") {
    kernels::relu_gradient(input.data(), dy.data(), dx, static_cast<std::int64_t>(input.size()),
                           exec);
  } else if (op == "batch_norm") {
    run_batch_norm(e, dy.data(), dx, exec);
  } else if (op == "max_pool2d") {
    max_pool2d_gradient(pool_problem(e), input.data(), dy.data(), dx, exec);
  } else if (op == "avg_pool2d") {
    avg_pool2d_gradient(pool_problem(e), dy.data(), dx, exec);
  } else if (op == "adaptive_avg_pool2d") {
    adaptive_avg_pool2d_gradient(adaptive_problem(e), dy.data(), dx, exec);
  } else {
    REQUIRE(op == "conv2d");
    conv2d_gradient(conv2d_problem(e), dy.data(), weight.data(), dx, exec);
  }
}

TEST_CASE("gradients: each is PyTorch's", "[kernels][gradients]") {
  std::ifstream file(LAMINA_TEST_DATA "/kernels/gradients.json");
  const json cases = json::parse(file).at("cases");
  REQUIRE(cases.size() == 18);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const json& entry = cases[i];
    const Floats expected = entry.at("dx");
    for (const int threads : {1, 2}) {
      INFO("case " << i << ", " << entry.at("op") << ", " << threads << " threads");
      GuardedOutput dx(static_cast<std::int64_t>(expected.size()), 1);
      run_case(entry, dx.data(), {.threads = threads});
      CHECK(excess(expected, dx.values(), [&](std::size_t at) {
              return 1e-5 * (1 + std::abs(static_cast<double>(expected[at])));
            }) == "");
      CHECK(dx.guards_intact());
    }
  }
}

Conv2dProblem nchw(Conv2dProblem problem) {
  problem.layout = kernels::Layout::nchw;
  problem.relu = problem.max_pool_2x2 = false;
  return problem;
}

double dot(const Floats& a, const Floats& b) {
  REQUIRE(a.size() == b.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

std::vector<Conv2dProblem> conv2d_problems() {
  std::vector<Conv2dProblem> problems;
  for (const Conv2dProblem& problem : edge_problems()) problems.push_back(nchw(problem));
  return problems;
}

// y = conv(x) without a bias is linear, so dy . conv(x) == dx . x whatever x and dy are; of
// integers, exactly.
TEST_CASE("conv2d gradient: the definition is the transpose of the convolution",
          "[kernels][gradients]") {
  for (const Conv2dProblem& problem : conv2d_problems()) {
    INFO(describe(problem));
    Conv2dData data = small_integer_data(problem);
    data.bias.clear();
    const Floats y = reference_conv2d(problem, data);
    const Floats dy = small_integers(static_cast<std::int64_t>(y.size()), 5);
    Floats dx(data.input.size());
    kernels::reference::conv2d_gradient(problem, dy.data(), data.weight.data(), dx.data());
    CHECK(dot(dy, y) == dot(dx, data.input));
  }
}

TEST_CASE("conv2d gradient: is the definition's at every instruction set", "[kernels][gradients]") {
  for (const Conv2dProblem& problem : conv2d_problems()) {
    const Floats weight =
        reals(problem.c_out * problem.c_in / problem.groups * problem.kh * problem.kw, 1);
    const Floats dy = reals(problem.n * problem.c_out * problem.oh() * problem.ow(), 2);
    Floats expected(static_cast<std::size_t>(problem.n * problem.c_in * problem.h * problem.w));
    kernels::reference::conv2d_gradient(problem, dy.data(), weight.data(), expected.data());
    const double bound = 1e-4 * largest_magnitude(expected);
    for (const CpuFeatures& features : every_isa()) {
      const ScopedIsa isa(features.isa);
      INFO(describe(problem) << ", " << to_string(features.isa));
      GuardedOutput dx(static_cast<std::int64_t>(expected.size()), 1);
      conv2d_gradient(problem, dy.data(), weight.data(), dx.data(), {.threads = 2});
      CHECK(excess(expected, dx.values(), [&](std::size_t) { return bound; }) == "");
      CHECK(dx.guards_intact());
    }
  }
}

TEST_CASE("linear gradient: equals the definition on small integers, on any threads",
          "[kernels][gradients]") {
  for (const std::int64_t n : {0, 1, 3}) {
    for (const std::int64_t in_features : {1, 7, 1023, 1024, 1025, 4099}) {
      const LinearProblem problem{.n = n, .in_features = in_features, .out_features = 37};
      const Floats weight = small_integers(in_features * 37, 1), dy = small_integers(n * 37, 2);
      Floats expected(static_cast<std::size_t>(n * in_features));
      kernels::reference::linear_gradient(problem, dy.data(), weight.data(), expected.data());
      for (const int threads : {1, 3}) {
        INFO("n " << n << ", in_features " << in_features << ", " << threads << " threads");
        GuardedOutput dx(n * in_features, 1);
        linear_gradient(problem, dy.data(), weight.data(), dx.data(), {.threads = threads});
        CHECK(difference(expected, dx.values()) == "");
        CHECK(dx.guards_intact());
      }
    }
  }
}

TEST_CASE("linear gradient: an infinite weight behind a gradient of 0 gives nothing",
          "[kernels][gradients]") {
  const LinearProblem problem{.n = 1, .in_features = 2, .out_features = 2};
  const Floats weight{1, 2, std::numeric_limits<float>::infinity(), kNan}, dy{3, 0};
  Floats dx(2), expected(2);
  kernels::reference::linear_gradient(problem, dy.data(), weight.data(), expected.data());
  linear_gradient(problem, dy.data(), weight.data(), dx.data(), {});
  CHECK(difference(Floats{3, 6}, expected) == "");
  CHECK(difference(expected, dx) == "");
}

TEST_CASE("relu gradient: 0 stops it, NaN lets it through, and it may work in place",
          "[kernels][gradients]") {
  const Floats input{-1, 0, 1, kNan, -0.0F};
  Floats dy{1, 2, 3, 4, 5};
  kernels::relu_gradient(input.data(), dy.data(), dy.data(), 5, {});
  CHECK(difference(Floats{0, 0, 3, 4, 0}, dy) == "");
}

TEST_CASE(
    "max pool gradient: the first of equal ones, the last NaN, and sums where windows overlap",
    "[kernels][gradients]") {
  const Pool2dProblem one{.c = 1, .h = 2, .w = 2};
  const Floats dy{5};
  const auto gradient = [&](const Floats& input) {
    Floats dx(4, kNan);
    max_pool2d_gradient(one, input.data(), dy.data(), dx.data(), {});
    return dx;
  };
  CHECK(difference(Floats{0, 5, 0, 0}, gradient({1, 3, 3, 3})) == "");
  CHECK(difference(Floats{0, 0, 5, 0}, gradient({1, kNan, kNan, 9})) == "");
  const float low = -std::numeric_limits<float>::infinity();
  CHECK(difference(Floats{5, 0, 0, 0}, gradient({low, low, low, low})) == "");

  const Pool2dProblem overlapping{.c = 1, .h = 1, .w = 3, .kh = 1, .kw = 2, .stride_w = 1};
  const Floats input{1, 2, 1}, both{3, 4};
  Floats dx(3, kNan);
  max_pool2d_gradient(overlapping, input.data(), both.data(), dx.data(), {});
  CHECK(difference(Floats{0, 7, 0}, dx) == "");
}

}  // namespace
}  // namespace lamina::test
