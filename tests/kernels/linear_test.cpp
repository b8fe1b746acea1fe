#include "kernels/linear.h"

#include <lamina/core/dtype.h>

#include "kernels/reference/reference.h"
#include "tests/kernels/support.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
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

// A weight as a narrow type holds it, and as the floats that it stands for.
struct NarrowData {
  std::vector<std::byte> packed;
  Floats scale, meant;
};

NarrowData narrow(LinearProblem p, kernels::LinearWeight stored, const Floats& weight,
                  const CpuFeatures& features) {
  p.stored = stored;
  NarrowData data;
  data.packed.resize(static_cast<std::size_t>(p.in_features * p.out_features * size_of(stored)));
  data.scale.assign(static_cast<std::size_t>(p.out_features), 1.0f);
  const auto plan = plan_linear(p, features);
  const std::int64_t half = p.out_features / 2;  // in two steps, as a large weight is
  for (const auto& [begin, end] : {std::pair{std::int64_t{0}, half}, {half, p.out_features}}) {
    pack_linear_weight(p, plan, weight.data(), begin, end, data.packed.data(), data.scale.data(),
                       {.threads = 2});
  }
  for (std::size_t i = 0; i < weight.size(); ++i) {
    if (stored == kernels::LinearWeight::bf16) {
      BFloat16 value;
      std::memcpy(&value, data.packed.data() + 2 * i, 2);
      data.meant.push_back(to_float(value));
    } else {
      const auto row = i / static_cast<std::size_t>(p.in_features);
      const auto value = static_cast<std::int8_t>(data.packed[i]);
      data.meant.push_back(static_cast<float>(value) * data.scale[row]);
    }
  }
  return data;
}

TEST_CASE("linear: narrow weights are rounded to the nearest at every level", "[kernels][linear]") {
  const LinearProblem problem{.in_features = 37, .out_features = 6};
  Floats weight = reals(problem.in_features * problem.out_features, 9);
  std::fill_n(weight.begin(), problem.in_features, 0.0f);  // a row of zeros
  weight[40] = 0x1.01p0f;                                  // a tie, to the even 1
  weight[41] = 0x1.03p0f;                                  // a tie, to the even one above
  for (const CpuFeatures& features : every_isa()) {
    INFO(to_string(features.isa));
    const NarrowData bf16 = narrow(problem, kernels::LinearWeight::bf16, weight, features);
    Floats rounded;
    for (const float value : weight) rounded.push_back(to_float(to_bfloat16(value)));
    CHECK(bit_difference(rounded, bf16.meant) == "");
    CHECK(bf16.meant[40] == 1.0f);

    const NarrowData s8 = narrow(problem, kernels::LinearWeight::s8, weight, features);
    CHECK(s8.scale[0] == 0.0f);
    CHECK(excess(weight, s8.meant, [&](std::size_t i) {
            return 0.5001 * static_cast<double>(s8.scale[i / 37]);
          }) == "");
  }
}

TEST_CASE("linear: narrow weights are multiplied as what they stand for", "[kernels][linear]") {
  for (const auto stored : {kernels::LinearWeight::bf16, kernels::LinearWeight::s8}) {
    for (LinearProblem problem : edge_problems()) {
      const LinearData data = data_of(problem, reals);
      for (const CpuFeatures& features : every_isa()) {
        problem.stored = stored;
        const NarrowData weight = narrow(problem, stored, data.weight, features);
        const Floats expected = reference_linear(problem, {data.input, weight.meant, data.bias});
        const Floats magnitude = reference_linear(
            problem, {absolute(data.input), absolute(weight.meant), absolute(data.bias)});
        GuardedOutput output(problem.n * problem.out_features);
        linear_forward(
            problem, plan_linear(problem, features),
            {.input = data.input.data(),
             .weight = weight.packed.data(),
             .bias = data.bias.data(),
             .output = output.data(),
             .scale = stored == kernels::LinearWeight::s8 ? weight.scale.data() : nullptr},
            {.threads = 2});
        INFO(describe(problem) << ", " << size_of(stored) << " bytes, " << to_string(features.isa));
        CHECK(output.guards_intact());
        CHECK(excess(expected, output.values(), [&](std::size_t i) {
                return static_cast<double>(problem.in_features + 4) * kEpsilon *
                       static_cast<double>(magnitude[i]);
              }) == "");
      }
    }
  }
}

TEST_CASE("linear: with narrow weights an image has the same bits in any batch",
          "[kernels][linear]") {
  LinearProblem problem{.n = 5, .in_features = 4103, .out_features = 9};
  const LinearData data = data_of(problem, reals);
  for (const auto stored : {kernels::LinearWeight::bf16, kernels::LinearWeight::s8}) {
    for (const CpuFeatures& features : every_isa()) {
      problem.stored = stored;
      const NarrowData weight = narrow(problem, stored, data.weight, features);
      const auto run = [&](std::int64_t first, std::int64_t n) {
        LinearProblem part = problem;
        part.n = n;
        Floats output(static_cast<std::size_t>(n * problem.out_features));
        linear_forward(part, plan_linear(part, features),
                       {.input = data.input.data() + first * problem.in_features,
                        .weight = weight.packed.data(),
                        .bias = data.bias.data(),
                        .output = output.data(),
                        .scale = weight.scale.data()},
                       {.threads = 1});
        return output;
      };
      const Floats whole = run(0, problem.n);
      for (std::int64_t b = 0; b < problem.n; ++b) {
        const Floats expected(whole.begin() + b * problem.out_features,
                              whole.begin() + (b + 1) * problem.out_features);
        INFO(size_of(stored) << " bytes, " << to_string(features.isa) << ", image " << b);
        CHECK(bit_difference(expected, run(b, 1)) == "");
      }
    }
  }
}

}  // namespace
}  // namespace lamina::test
