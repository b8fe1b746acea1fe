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

Conv2dProblem one_tile(std::int64_t c_in) {
  Conv2dProblem problem = one_winograd_tile(c_in);
  problem.may_round_to_bf16 = true;
  return problem;
}

// The largest of |weight| * largest |input| + |bias| summed: what errors are measured by.
double largest_sum(const Conv2dProblem& problem, const Conv2dData& data) {
  const Floats inputs(data.input.size(), largest_magnitude(data.input));
  return largest_magnitude(
      reference_conv2d(problem, {inputs, absolute(data.weight), absolute(data.bias)}));
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

// Weights of one sign drive the sums over 128 channels each to their bound, as drive_position()
// does V.
TEST_CASE("conv2d winograd_f4_q15: sums stay in 32 bits whatever the input", "[kernels][conv2d]") {
  const Conv2dProblem problem = one_tile(512);
  Conv2dData data = real_data(problem);
  for (float& weight : data.weight) weight = 1 + 0.1f * std::fabs(weight);
  for (int position = 0; position < 36; ++position) {
    drive_position(position, 3, problem, data);
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
