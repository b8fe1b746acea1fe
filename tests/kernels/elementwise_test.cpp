#include "kernels/elementwise.h"

#include "kernels/classify.h"
#include "kernels/reference/reference.h"
#include "tests/kernels/support.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace lamina::test {
namespace {

using kernels::BatchNormArgs;
using kernels::BatchNormProblem;
using kernels::Layout;

TEST_CASE("relu: equals the reference for every length around a vector, in place too",
          "[kernels][relu]") {
  for (const std::int64_t count : {0, 1, 3, 7, 8, 9, 15, 16, 17, 100, 200'001}) {
    Floats input = reals(count, 1);
    if (count > 2) input[2] = std::numeric_limits<float>::quiet_NaN();
    Floats expected(input.size());
    kernels::reference::relu(input.data(), expected.data(), count);
    for (const CpuFeatures& features : every_isa()) {
      const ScopedIsa isa(features.isa);
      INFO(count << " elements, " << to_string(features.isa));
      GuardedOutput output(count, 1);
      kernels::relu_forward(input.data(), output.data(), count, {.threads = 2});
      CHECK(difference(expected, output.values()) == "");
      CHECK(output.guards_intact());
      Floats in_place = input;
      kernels::relu_forward(in_place.data(), in_place.data(), count, {.threads = 2});
      CHECK(difference(expected, in_place) == "");
    }
  }
}

TEST_CASE("batch norm: stays within four roundings of the reference", "[kernels][batch_norm]") {
  for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
    for (const BatchNormProblem& problem :
         {BatchNormProblem{.n = 2, .c = 3, .spatial = 37, .layout = layout},
          BatchNormProblem{.n = 3, .c = 300, .spatial = 5, .layout = layout},
          BatchNormProblem{.n = 5, .c = 19, .spatial = 1, .layout = layout},
          BatchNormProblem{.n = 1, .c = 64, .spatial = 3000, .layout = layout}}) {
      const Floats input = reals(problem.n * problem.c * problem.spatial, 1);
      const Floats mean = reals(problem.c, 2), variance = absolute(reals(problem.c, 3));
      const Floats weight = reals(problem.c, 4), bias = reals(problem.c, 5);
      BatchNormArgs args{.input = input.data(),
                         .running_mean = mean.data(),
                         .running_var = variance.data(),
                         .weight = weight.data(),
                         .bias = bias.data(),
                         .output = nullptr};
      Floats expected(input.size());
      args.output = expected.data();
      kernels::reference::batch_norm(problem, args);
      for (const CpuFeatures& features : every_isa()) {
        const ScopedIsa isa(features.isa);
        INFO("c " << problem.c << " spatial " << problem.spatial << " " << to_string(features.isa));
        GuardedOutput output(static_cast<std::int64_t>(input.size()), 1);
        args.output = output.data();
        batch_norm_forward(problem, args, {.threads = 2});
        CHECK(output.guards_intact());
        // The product may cancel against the bias: its own size counts, at most |y| + |bias|.
        CHECK(excess(expected, output.values(), [&](std::size_t i) {
                return 4 * 0x1p-24 * (std::fabs(static_cast<double>(expected[i])) + 5);
              }) == "");
      }
    }
  }
}

TEST_CASE("batch norm: weight and bias may be missing, output may be input",
          "[kernels][batch_norm]") {
  const BatchNormProblem problem{.n = 1, .c = 2, .spatial = 2, .eps = 0};
  const Floats mean{1, -1}, variance{4, 0.25f};
  for (const CpuFeatures& features : every_isa()) {
    const ScopedIsa isa(features.isa);
    Floats values{1, 3, -1, 0};
    batch_norm_forward(problem,
                       {.input = values.data(),
                        .running_mean = mean.data(),
                        .running_var = variance.data(),
                        .weight = nullptr,
                        .bias = nullptr,
                        .output = values.data()},
                       {});
    CHECK(difference({0, 1, 0, 2}, values) == "");
  }
}

TEST_CASE("dropout: about p are zero, the rest scaled, the same on any threads",
          "[kernels][dropout]") {
  const std::int64_t count = 200'000;
  const Floats input(static_cast<std::size_t>(count), 3.0f);
  const auto drop = [&](float p, std::uint64_t seed, int threads) {
    Floats output(input.size(), std::numeric_limits<float>::quiet_NaN());
    kernels::dropout_forward(input.data(), output.data(), count, p, seed, {.threads = threads});
    return output;
  };
  const Floats output = drop(0.25f, 7, 1);
  const auto zeros = std::count(output.begin(), output.end(), 0.0f);
  CHECK(std::abs(static_cast<double>(zeros) / static_cast<double>(count) - 0.25) < 0.005);
  CHECK(std::count(output.begin(), output.end(), 4.0f) == count - zeros);
  CHECK(bit_difference(output, drop(0.25f, 7, 2)) == "");
  CHECK(bit_difference(output, drop(0.25f, 8, 1)) != "");
  CHECK(difference(input, drop(0, 7, 1)) == "");
  CHECK(difference(Floats(input.size(), 0.0f), drop(1, 7, 1)) == "");
}

TEST_CASE("convert_layout: equals the reference both ways, and back gives the input",
          "[kernels][layout]") {
  for (const auto& [n, c, spatial] : std::vector<std::array<std::int64_t, 3>>{
           {1, 1, 1}, {2, 3, 50}, {1, 16, 16}, {1, 17, 15}, {2, 33, 49}, {1, 5, 70'000}}) {
    INFO(fmt::format("n {} c {} spatial {}", n, c, spatial));
    const Floats input = reals(n * c * spatial, 1);
    for (const auto& [from, to] :
         {std::pair{Layout::nchw, Layout::nhwc}, std::pair{Layout::nhwc, Layout::nchw}}) {
      Floats expected(input.size()), back(input.size());
      kernels::reference::convert_layout(from, to, n, c, spatial, input.data(), expected.data());
      GuardedOutput output(n * c * spatial);
      kernels::convert_layout(from, to, n, c, spatial, input.data(), output.data(), {.threads = 2});
      CHECK(bit_difference(expected, output.values()) == "");
      CHECK(output.guards_intact());
      kernels::convert_layout(to, from, n, c, spatial, output.data(), back.data(), {.threads = 1});
      CHECK(bit_difference(input, back) == "");
    }
  }
}

TEST_CASE("softmax: many rows on two threads equal the reference, in place too",
          "[kernels][softmax]") {
  const Floats input = reals(70 * 11 * 3, 1);
  Floats expected(input.size()), values = input;
  kernels::reference::softmax(70, 11, 3, input.data(), expected.data());
  kernels::softmax_forward(70, 11, 3, values.data(), values.data(), {.threads = 2});
  CHECK(bit_difference(expected, values) == "");
}

}  // namespace
}  // namespace lamina::test
