// winograd_f4_s16: near the reference, and never over the edge of 32 bits.
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

std::vector<Conv2dProblem> problems() {
  std::vector<Conv2dProblem> problems = winograd_problems();
  for (Conv2dProblem& problem : problems) problem.may_round_inputs = true;
  return problems;
}

TEST_CASE("conv2d winograd_f4_s16: is legal only where inputs may be rounded",
          "[kernels][conv2d]") {
  Conv2dProblem problem = winograd_problems()[0];
  CHECK_THROWS_AS(plan_conv2d_as(Conv2dAlgo::winograd_f4_s16, problem, {}), InvalidArgument);
  problem.may_round_inputs = true;
  CHECK_NOTHROW(plan_conv2d_as(Conv2dAlgo::winograd_f4_s16, problem, {}));
}

TEST_CASE("conv2d winograd_f4_s16: is near the reference", "[kernels][conv2d]") {
  for (const Conv2dProblem& problem : problems()) {
    const Conv2dData data = real_data(problem);
    const Floats expected = reference_conv2d(problem, data);
    // Half a step of each input, and what the coarser U adds: about as much again.
    const Floats sizes =
        reference_conv2d(problem, {Floats(data.input.size(), largest_magnitude(data.input) / 255),
                                   absolute(data.weight), Floats(data.bias.size(), 0.0f)});
    for (const CpuFeatures& features : every_isa()) {
      const Conv2dPlan plan = plan_conv2d_as(Conv2dAlgo::winograd_f4_s16, problem, features, 2);
      INFO(describe(problem) << ", " << to_string(plan));
      const Conv2dRun run = run_conv2d(problem, plan, data, 2);
      const double most = static_cast<double>(largest_magnitude(sizes));
      CHECK(excess(expected, run.output, [&](std::size_t) { return most; }) == "");
      CHECK(run.guards_intact);
    }
  }
}

// Weights of one sign drive the sum over 512 channels to its bound, as drive_position() does V.
TEST_CASE("conv2d winograd_f4_s16: sums stay in 32 bits whatever the input", "[kernels][conv2d]") {
  Conv2dProblem problem = one_winograd_tile(512);
  problem.may_round_inputs = true;
  Conv2dData data = real_data(problem);
  for (float& weight : data.weight) weight = 1 + 0.1f * std::fabs(weight);
  for (int position = 0; position < 36; ++position) {
    drive_position(position, 3, problem, data);
    const Floats expected = reference_conv2d(problem, data);
    for (const CpuFeatures& features : every_isa()) {
      const Conv2dPlan plan = plan_conv2d_as(Conv2dAlgo::winograd_f4_s16, problem, features);
      INFO("position " << position << ", " << to_string(plan));
      // The sum of all terms' magnitudes is about 512 * 9 * 3.
      CHECK(excess(expected, run_conv2d(problem, plan, data, 1).output,
                   [](std::size_t) { return 0.01 * 512 * 9 * 3; }) == "");
    }
  }
}

TEST_CASE("conv2d winograd_f4_s16: an image with a NaN or infinity is NaN, the others are not",
          "[kernels][conv2d]") {
  Conv2dProblem problem = problems()[6];
  problem.n = 3;
  const Conv2dData data = real_data(problem);
  for (const float wrong :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    Conv2dData with = data;
    with.input[with.input.size() / 2] = wrong;  // of the second image
    for (const CpuFeatures& features : every_isa()) {
      const Conv2dPlan plan = plan_conv2d_as(Conv2dAlgo::winograd_f4_s16, problem, features, 2);
      const Floats clean = run_conv2d(problem, plan, data, 2).output;
      const Floats output = run_conv2d(problem, plan, with, 2).output;
      const std::size_t image = output.size() / 3;
      INFO(to_string(plan) << ", " << wrong);
      for (std::size_t i = 0; i < output.size(); ++i) {
        if (i / image == 1 ? std::isnan(output[i]) : output[i] == clean[i]) continue;
        FAIL("at " << i << ": " << output[i]);
      }
    }
  }
}

TEST_CASE("conv2d winograd_f4_s16: a range sets the steps of the images within it",
          "[kernels][conv2d]") {
  Conv2dProblem problem = problems()[6];
  problem.n = 2;
  problem.relu = problem.max_pool_2x2 = false;
  problem.layout = kernels::Layout::nhwc;
  const Conv2dData data = real_data(problem);
  const float most = largest_magnitude(data.input);
  for (const CpuFeatures& features : every_isa()) {
    const Conv2dPlan plan = plan_conv2d_as(Conv2dAlgo::winograd_f4_s16, problem, features, 2);
    INFO(to_string(plan));
    const Floats own = run_conv2d(problem, plan, data, 2).output;
    Conv2dData ranged = data;
    ranged.input_range = 0.01f;  // below both images': nothing is cut off
    CHECK(run_conv2d(problem, plan, ranged, 2).output == own);

    ranged.input_range = 3 * most;
    const Floats coarser = run_conv2d(problem, plan, ranged, 2).output;
    CHECK(coarser != own);
    // What an image is rounded by when it reaches that far itself, in the last pixel, and the
    // outputs that do not see it: those of the first tile.
    Conv2dData reaching = data;
    for (std::size_t image = 1; image <= 2; ++image) {
      reaching.input[reaching.input.size() / 2 * image - 1] = 3 * most;
    }
    const Floats expected = run_conv2d(problem, plan, reaching, 2).output;
    for (std::int64_t i = 0; i < problem.c_out; ++i) {
      const auto at = static_cast<std::size_t>(i);
      CHECK(coarser[at] == expected[at]);
    }
  }
}

}  // namespace
}  // namespace lamina::test
