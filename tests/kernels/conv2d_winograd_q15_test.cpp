// Winograd in fixed point: as close to the reference as bfloat16 is at the least, never over the
// edge of 32 bits, and a tile's troubles stay its own.
#include "kernels/conv2d.h"
#include "kernels/cpu/conv2d_winograd.h"

#include <lamina/core/error.h>

#include "tests/kernels/conv2d_cases.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace lamina::test {
namespace {

using kernels::Conv2dAlgo;
using kernels::Conv2dPlan;
using kernels::Conv2dProblem;
using kernels::cpu::winograd_side;

constexpr Conv2dAlgo kAlgos[] = {Conv2dAlgo::winograd_f4_q15, Conv2dAlgo::winograd_f6_q15};

// Of the largest sum of magnitudes: an eighth and a quarter of what rounding inputs and weights to
// bfloat16 may do (2^-7).
double error_of(Conv2dAlgo algo) { return algo == Conv2dAlgo::winograd_f4_q15 ? 0x1p-10 : 0x1p-9; }

std::vector<Conv2dProblem> problems() {
  std::vector<Conv2dProblem> problems = winograd_problems();
  for (Conv2dProblem& problem : problems) problem.may_round_to_16_bits = true;
  return problems;
}

Conv2dProblem one_tile(Conv2dAlgo algo, std::int64_t c_in) {
  Conv2dProblem problem = one_winograd_tile(winograd_side(algo), c_in);
  problem.may_round_to_16_bits = true;
  return problem;
}

// The largest of |weight| * largest |input| + |bias| summed: what errors are measured by.
double largest_sum(const Conv2dProblem& problem, const Conv2dData& data) {
  const Floats inputs(data.input.size(), largest_magnitude(data.input));
  return largest_magnitude(
      reference_conv2d(problem, {inputs, absolute(data.weight), absolute(data.bias)}));
}

TEST_CASE("conv2d winograd in fixed point: is legal only where 16 bits will do",
          "[kernels][conv2d]") {
  const auto algo = GENERATE(from_range(std::begin(kAlgos), std::end(kAlgos)));
  Conv2dProblem problem = winograd_problems()[0];
  CHECK_THROWS_AS(plan_conv2d_as(algo, problem, {}), InvalidArgument);
  problem.may_round_to_16_bits = true;
  CHECK_NOTHROW(plan_conv2d_as(algo, problem, {}));
}

TEST_CASE("conv2d winograd in fixed point: is near the reference", "[kernels][conv2d]") {
  const auto algo = GENERATE(from_range(std::begin(kAlgos), std::end(kAlgos)));
  for (const Conv2dProblem& problem : problems()) {
    const Conv2dData data = real_data(problem);
    const Floats expected = reference_conv2d(problem, data);
    const double most = largest_sum(problem, data);
    for (const CpuFeatures& features : every_isa()) {
      const Conv2dPlan plan = plan_conv2d_as(algo, problem, features, 2);
      INFO(describe(problem) << ", " << to_string(plan));
      const Conv2dRun run = run_conv2d(problem, plan, data, 2);
      CHECK(excess(expected, run.output, [&](std::size_t) { return error_of(algo) * most; }) == "");
      CHECK(run.guards_intact);
    }
  }
}

// Weights of one sign drive the sums over 128 channels each to their bound, as drive_position()
// does V.
TEST_CASE("conv2d winograd in fixed point: sums stay in 32 bits whatever the input",
          "[kernels][conv2d]") {
  const auto algo = GENERATE(from_range(std::begin(kAlgos), std::end(kAlgos)));
  const Conv2dProblem problem = one_tile(algo, 512);
  Conv2dData data = real_data(problem);
  for (float& weight : data.weight) weight = 1 + 0.1f * std::fabs(weight);
  for (int position = 0; position < problem.h * problem.w; ++position) {
    drive_position(position, 3, problem, data);
    const Floats expected = reference_conv2d(problem, data);
    const double most = largest_sum(problem, data);
    for (const CpuFeatures& features : every_isa()) {
      const Conv2dPlan plan = plan_conv2d_as(algo, problem, features);
      INFO("position " << position << ", " << to_string(plan));
      // All channels are alike, and so are their roundings: they add up.
      CHECK(excess(expected, run_conv2d(problem, plan, data, 1).output,
                   [&](std::size_t) { return 4 * error_of(algo) * most; }) == "");
    }
  }
}

TEST_CASE("conv2d winograd in fixed point: a NaN or infinity makes its tiles NaN, and no other",
          "[kernels][conv2d]") {
  const auto algo = GENERATE(from_range(std::begin(kAlgos), std::end(kAlgos)));
  const std::int64_t m = winograd_side(algo);
  Conv2dProblem problem = one_tile(algo, 20);
  problem.n = 2;
  problem.h = problem.w = 3 * m + 2;  // 3 x 3 tiles
  const Conv2dData data = real_data(problem);
  for (const float wrong :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(), 1e38f}) {
    Conv2dData with = data;
    const std::int64_t middle = m + 2;  // that only tile 1, 1 reads; of image 0
    with.input[static_cast<std::size_t>((middle * problem.w + middle) * problem.c_in)] = wrong;
    for (const CpuFeatures& features : every_isa()) {
      const Conv2dPlan plan = plan_conv2d_as(algo, problem, features, 2);
      const Floats clean = run_conv2d(problem, plan, data, 2).output;
      const Floats output = run_conv2d(problem, plan, with, 2).output;
      INFO(to_string(plan) << ", " << wrong);
      for (std::size_t i = 0; i < output.size(); ++i) {
        const auto pixel = static_cast<std::int64_t>(i) / problem.c_out;
        const std::int64_t x = pixel % (3 * m), y = pixel / (3 * m);
        const bool its_tile = y / m == 1 && x / m == 1;  // y counts through both images
        if (its_tile ? std::isnan(output[i]) : output[i] == clean[i]) continue;
        FAIL("at " << y << ", " << x << ": " << output[i]);
      }
    }
  }
}

TEST_CASE("conv2d winograd in fixed point: is as exact for large and for small numbers",
          "[kernels][conv2d]") {
  const auto algo = GENERATE(from_range(std::begin(kAlgos), std::end(kAlgos)));
  const Conv2dProblem problem = one_tile(algo, 40);
  for (const float size : {1e33f, 1e-28f, 1e-35f}) {
    Conv2dData data = real_data(problem);
    std::fill(data.bias.begin(), data.bias.end(), 0.0f);
    for (float& value : data.input) value *= size;
    const Floats expected = reference_conv2d(problem, data);
    // Below 2^-100 a tile counts as zero.
    const double bound = (size < 1e-30f ? 1 : error_of(algo)) * largest_sum(problem, data);
    for (const CpuFeatures& features : every_isa()) {
      const Conv2dPlan plan = plan_conv2d_as(algo, problem, features);
      INFO(size << ", " << to_string(plan));
      CHECK(excess(expected, run_conv2d(problem, plan, data, 1).output,
                   [&](std::size_t) { return bound; }) == "");
    }
  }
}

TEST_CASE("conv2d winograd in fixed point: a range sets the steps of the tiles within it",
          "[kernels][conv2d]") {
  const auto algo = GENERATE(from_range(std::begin(kAlgos), std::end(kAlgos)));
  const Conv2dProblem problem = one_tile(algo, 20);
  const Conv2dData data = real_data(problem);
  const float most = largest_magnitude(data.input);
  for (const CpuFeatures& features : every_isa()) {
    const Conv2dPlan plan = plan_conv2d_as(algo, problem, features);
    INFO(to_string(plan));
    const auto output = [&](float range) {
      Conv2dData ranged = data;
      ranged.input_range = range;
      return run_conv2d(problem, plan, ranged, 1).output;
    };
    CHECK(output(most / 2) == output(0));  // a tile beyond it has its own
    CHECK(output(most) == output(0));
    CHECK(output(3 * most) != output(0));
    // Steps of the range's size are as much too coarse as the range is too large.
    const Floats expected = reference_conv2d(problem, data);
    const double bound = 3 * error_of(algo) * largest_sum(problem, data);
    CHECK(excess(expected, output(3 * most), [&](std::size_t) { return bound; }) == "");
  }
}

}  // namespace
}  // namespace lamina::test
