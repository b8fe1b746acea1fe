// winograd_f4_q15: as close to the reference as bfloat16 is at the least, never over the edge of 32
// bits, and a tile's troubles stay its own.
#include "kernels/conv2d.h"

#include <lamina/core/error.h>

#include "tests/kernels/conv2d_cases.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lamina::test {
namespace {

using kernels::Conv2dAlgo;
using kernels::Conv2dPlan;
using kernels::Conv2dProblem;

constexpr auto kQ15 = Conv2dAlgo::winograd_f4_q15;
// Of the largest sum of magnitudes: an eighth of what rounding inputs and weights to bfloat16 may
// do (2^-7).
constexpr double kError = 0x1p-10;

std::vector<Conv2dProblem> problems() {
  std::vector<Conv2dProblem> problems = winograd_problems();
  for (Conv2dProblem& problem : problems) problem.may_round_to_bf16 = true;
  return problems;
}

// One tile of 6 x 6 pixels, without bias: outputs are as large as inputs, or as small.
Conv2dProblem one_tile(std::int64_t c_in) {
  return {.c_in = c_in,
          .h = 6,
          .w = 6,
          .c_out = 3,
          .kh = 3,
          .kw = 3,
          .may_round_to_bf16 = true,
          .layout = kernels::Layout::nhwc};
}

// The largest of |weight| * largest |input| + |bias| summed: what errors are measured by.
double largest_sum(const Conv2dProblem& problem, const Conv2dData& data) {
  float most = 0;
  for (const float value : data.input) most = std::max(most, std::fabs(value));
  const Floats sums = reference_conv2d(
      problem, {Floats(data.input.size(), most), absolute(data.weight), absolute(data.bias)});
  return *std::max_element(sums.begin(), sums.end());
}

TEST_CASE("conv2d winograd_f4_q15: is legal only where bfloat16 is", "[kernels][conv2d]") {
  Conv2dProblem problem = winograd_problems()[0];
  problem.may_round_inputs = true;
  CHECK_THROWS_AS(plan_conv2d_as(kQ15, problem, {}), InvalidArgument);
  problem.may_round_to_bf16 = true;
  CHECK_NOTHROW(plan_conv2d_as(kQ15, problem, {}));
}

TEST_CASE("conv2d winograd_f4_q15: is near the reference", "[kernels][conv2d]") {
  for (const Conv2dProblem& problem : problems()) {
    const Conv2dData data = real_data(problem);
    const Floats expected = reference_conv2d(problem, data);
    const double most = largest_sum(problem, data);
    for (const CpuFeatures& features : every_isa()) {
      const Conv2dPlan plan = plan_conv2d_as(kQ15, problem, features, 2);
      INFO(describe(problem) << ", " << to_string(plan));
      const Conv2dRun run = run_conv2d(problem, plan, data, 2);
      CHECK(excess(expected, run.output, [&](std::size_t) { return kError * most; }) == "");
      CHECK(run.guards_intact);
    }
  }
}

// A tile whose signs are those of a position's row and column of B^T drives that position's V to
// its bound; weights of one sign do the same to the sums over 128 channels each.
TEST_CASE("conv2d winograd_f4_q15: sums stay in 32 bits whatever the input", "[kernels][conv2d]") {
  constexpr int kBt[6][6] = {{4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
                             {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
  const Conv2dProblem problem = one_tile(512);
  Conv2dData data = real_data(problem);
  for (float& weight : data.weight) weight = 1 + 0.1f * std::fabs(weight);
  for (int position = 0; position < 36; ++position) {
    for (std::int64_t pixel = 0; pixel < 36; ++pixel) {
      const int sign = kBt[position / 6][pixel / 6] * kBt[position % 6][pixel % 6];
      const float value = sign > 0 ? 3.0f : sign < 0 ? -3.0f : 0.0f;
      std::fill_n(data.input.begin() + pixel * problem.c_in, problem.c_in, value);
    }
    const Floats expected = reference_conv2d(problem, data);
    const double most = largest_sum(problem, data);
    for (const CpuFeatures& features : every_isa()) {
      const Conv2dPlan plan = plan_conv2d_as(kQ15, problem, features);
      INFO("position " << position << ", " << to_string(plan));
      // All channels are alike, and so are their roundings: they add up.
      CHECK(excess(expected, run_conv2d(problem, plan, data, 1).output,
                   [&](std::size_t) { return 4 * kError * most; }) == "");
    }
  }
}

TEST_CASE("conv2d winograd_f4_q15: a NaN or infinity makes its tiles NaN, and no other",
          "[kernels][conv2d]") {
  Conv2dProblem problem = one_tile(20);
  problem.n = 2;
  problem.h = problem.w = 14;  // 3 x 3 tiles
  const Conv2dData data = real_data(problem);
  for (const float wrong :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(), 1e38f}) {
    Conv2dData with = data;
    with.input[static_cast<std::size_t>((6 * 14 + 6) * problem.c_in)] =
        wrong;  // image 0, tile 1, 1
    for (const CpuFeatures& features : every_isa()) {
      const Conv2dPlan plan = plan_conv2d_as(kQ15, problem, features, 2);
      const Floats clean = run_conv2d(problem, plan, data, 2).output;
      const Floats output = run_conv2d(problem, plan, with, 2).output;
      INFO(to_string(plan) << ", " << wrong);
      for (std::size_t i = 0; i < output.size(); ++i) {
        const std::size_t pixel = i / 3, x = pixel % 12, y = pixel / 12;
        const bool its_tile = y / 4 == 1 && x / 4 == 1;  // y counts through both images
        if (its_tile ? std::isnan(output[i]) : output[i] == clean[i]) continue;
        FAIL("at " << y << ", " << x << ": " << output[i]);
      }
    }
  }
}

TEST_CASE("conv2d winograd_f4_q15: is as exact for large and for small numbers",
          "[kernels][conv2d]") {
  const Conv2dProblem problem = one_tile(40);
  for (const float size : {1e33f, 1e-28f, 1e-35f}) {
    Conv2dData data = real_data(problem);
    std::fill(data.bias.begin(), data.bias.end(), 0.0f);
    for (float& value : data.input) value *= size;
    const Floats expected = reference_conv2d(problem, data);
    // Below 2^-100 a tile counts as zero.
    const double bound =
        size < 1e-30f ? largest_sum(problem, data) : kError * largest_sum(problem, data);
    for (const CpuFeatures& features : every_isa()) {
      const Conv2dPlan plan = plan_conv2d_as(kQ15, problem, features);
      INFO(size << ", " << to_string(plan));
      CHECK(excess(expected, run_conv2d(problem, plan, data, 1).output,
                   [&](std::size_t) { return bound; }) == "");
    }
  }
}

}  // namespace
}  // namespace lamina::test
