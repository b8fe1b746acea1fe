#include "kernels/linear.h"

#include "kernels/reference/reference.h"
#include "tests/kernels/support.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <limits>
#include <string>
#include <vector>

namespace lamina::test {
namespace {

using kernels::LinearArgs;
using kernels::LinearProblem;

constexpr double kEpsilon = 0x1p-24;

struct LinearData {
  Floats input, weight, bias;
};

LinearData data_of(const LinearProblem& p, Floats (*make)(std::int64_t, std::uint32_t)) {
  return {make(p.n * p.in_features, 1), make(p.in_features * p.out_features, 2),
          make(p.out_features, 3)};
}

// Sizes around a vector, a tile of rows, a group of rows, a pass of images and a block of columns.
std::vector<LinearProblem> edge_problems() {
  std::vector<LinearProblem> problems;
  for (const std::int64_t n : {0, 1, 2, 3, 31, 32, 33}) {
    for (const std::int64_t in_features : {1, 7, 8, 9, 16, 17, 31, 33, 100}) {
      problems.push_back({.n = n, .in_features = in_features, .out_features = 21, .relu = true});
    }
  }
  for (const std::int64_t out_features : {1, 2, 3, 4, 5, 15, 16, 17, 63, 65}) {
    problems.push_back({.n = 3, .in_features = 19, .out_features = out_features});
  }
  for (const std::int64_t in_features : {2047, 2048, 2049, 4096, 4103}) {
    problems.push_back({.n = 1, .in_features = in_features, .out_features = 5});
    problems.push_back({.n = 5, .in_features = in_features, .out_features = 5});
  }
  problems.push_back({.n = 1, .in_features = 25088, .out_features = 33, .relu = true});
  return problems;
}

std::string describe(const LinearProblem& p) {
  return fmt::format("n {} in_features {} out_features {}{}", p.n, p.in_features, p.out_features,
                     p.relu ? " relu" : "");
}

Floats reference_linear(const LinearProblem& p, const LinearData& data) {
  Floats output(static_cast<std::size_t>(p.n * p.out_features));
  kernels::reference::linear(p, {.input = data.input.data(),
                                 .weight = data.weight.data(),
                                 .bias = data.bias.empty() ? nullptr : data.bias.data(),
                                 .output = output.data()});
  return output;
}

// `shift` moves every pointer off its alignment by that many floats.
Floats run_linear(const LinearProblem& p, const LinearData& data, const CpuFeatures& features,
                  int threads, std::int64_t shift = 0) {
  const auto shifted = [shift](const Floats& values) {
    Floats result(static_cast<std::size_t>(shift), 0.0f);
    result.insert(result.end(), values.begin(), values.end());
    return result;
  };
  const Floats input = shifted(data.input), weight = shifted(data.weight);
  GuardedOutput output(p.n * p.out_features, shift);
  linear_forward(p, plan_linear(p, features),
                 {.input = input.data() + shift,
                  .weight = weight.data() + shift,
                  .bias = data.bias.empty() ? nullptr : data.bias.data(),
                  .output = output.data()},
                 {.threads = threads});
  CHECK(output.guards_intact());
  return output.values();
}

TEST_CASE("linear: equals the reference on small integers for every edge shape",
          "[kernels][linear]") {
  for (const LinearProblem& problem : edge_problems()) {
    const LinearData data = data_of(problem, small_integers);
    const Floats expected = reference_linear(problem, data);
    for (const CpuFeatures& features : every_isa()) {
      for (const int threads : {1, 2}) {
        INFO(describe(problem) << ", " << to_string(features.isa) << ", " << threads);
        CHECK(difference(expected, run_linear(problem, data, features, threads)) == "");
      }
    }
  }
}

TEST_CASE("linear: stays within the rounding bound on real inputs", "[kernels][linear]") {
  for (const LinearProblem& problem : edge_problems()) {
    const LinearData data = data_of(problem, reals);
    const Floats expected = reference_linear(problem, data);
    const Floats magnitude = reference_linear(
        problem, {absolute(data.input), absolute(data.weight), absolute(data.bias)});
    for (const CpuFeatures& features : every_isa()) {
      INFO(describe(problem) << ", " << to_string(features.isa));
      const auto bound = [&](std::size_t i) {
        return static_cast<double>(problem.in_features + 2) * kEpsilon *
               static_cast<double>(magnitude[i]);
      };
      CHECK(excess(expected, run_linear(problem, data, features, 2), bound) == "");
    }
  }
}

TEST_CASE("linear: runs without a bias and with pointers of any alignment", "[kernels][linear]") {
  const LinearProblem problem{.n = 3, .in_features = 45, .out_features = 18};
  LinearData data = data_of(problem, small_integers);
  data.bias.clear();
  const Floats expected = reference_linear(problem, data);
  for (const CpuFeatures& features : every_isa()) {
    INFO(to_string(features.isa));
    CHECK(difference(expected, run_linear(problem, data, features, 2, 1)) == "");
  }
}

TEST_CASE("linear: an image has the same bits in any batch and on any threads",
          "[kernels][linear]") {
  LinearProblem problem{.n = 35, .in_features = 4111, .out_features = 37};
  const LinearData data = data_of(problem, reals);
  for (const CpuFeatures& features : every_isa()) {
    INFO(to_string(features.isa));
    problem.n = 35;
    const Floats whole = run_linear(problem, data, features, 1);
    CHECK(bit_difference(whole, run_linear(problem, data, features, 2)) == "");
    CHECK(bit_difference(whole, run_linear(problem, data, features, 3)) == "");
    for (const std::int64_t n : {1, 2, 3, 34}) {
      problem.n = n;
      const Floats part = run_linear(problem, data, features, 2);
      const auto count = static_cast<std::int64_t>(part.size());
      CHECK(bit_difference(Floats(whole.begin(), whole.begin() + count), part) == "");
    }
  }
}

TEST_CASE("linear: NaN passes through the fused ReLU", "[kernels][linear]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const LinearProblem problem{.n = 2, .in_features = 1, .out_features = 1, .relu = true};
  const LinearData data{{nan, -3}, {1}, {0}};
  CHECK(difference({nan, 0}, reference_linear(problem, data)) == "");
  for (const CpuFeatures& features : every_isa()) {
    CHECK(difference({nan, 0}, run_linear(problem, data, features, 1)) == "");
  }
}

}  // namespace
}  // namespace lamina::test
