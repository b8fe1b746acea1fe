#include "kernels/conv2d.h"

#include "kernels/reference/reference.h"
#include "tests/kernels/conv2d_cases.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

namespace lamina::test {
namespace {

using kernels::Conv2dAlgo;
using kernels::Conv2dPlan;
using kernels::Conv2dProblem;
using kernels::Layout;

constexpr double kEpsilon = 0x1p-24;

void check_exact(const Conv2dProblem& problem, const Conv2dData& data) {
  const Floats expected = reference_conv2d(problem, data);
  for (const CpuFeatures& features : every_isa()) {
    const Conv2dPlan plan = plan_conv2d_as(Conv2dAlgo::indirect_gemm, problem, features);
    for (const int threads : {1, 2}) {
      INFO(describe(problem) << ", " << to_string(plan) << ", " << threads << " threads");
      const Conv2dRun run = run_conv2d(problem, plan, data, threads);
      CHECK(difference(expected, run.output) == "");
      CHECK(run.guards_intact);
    }
  }
}

void check_bound(const Conv2dProblem& problem) {
  const Conv2dData data = real_data(problem);
  const Floats expected = reference_conv2d(problem, data);
  const Floats magnitude =
      reference_conv2d(problem, {absolute(data.input), absolute(data.weight), absolute(data.bias)});
  const double k = static_cast<double>(problem.c_in / problem.groups * problem.kh * problem.kw);
  for (const CpuFeatures& features : every_isa()) {
    const Conv2dPlan plan = plan_conv2d_as(Conv2dAlgo::indirect_gemm, problem, features);
    INFO(describe(problem) << ", " << to_string(plan));
    const Conv2dRun run = run_conv2d(problem, plan, data, 2);
    CHECK(excess(expected, run.output, [&](std::size_t i) {
            return (k + 2) * kEpsilon * static_cast<double>(magnitude[i]);
          }) == "");
  }
}

TEST_CASE("conv2d indirect_gemm: equals the reference on small integers for every edge shape",
          "[kernels][conv2d]") {
  for (const Conv2dProblem& problem : edge_problems()) {
    check_exact(problem, small_integer_data(problem));
  }
}

TEST_CASE("conv2d indirect_gemm: equals the reference on small integers for VGG16's layers",
          "[kernels][conv2d]") {
  for (const Conv2dProblem& problem : vgg16_problems()) {
    check_exact(problem, small_integer_data(problem));
  }
}

TEST_CASE("conv2d indirect_gemm: stays within the rounding bound on real inputs",
          "[kernels][conv2d]") {
  for (const Conv2dProblem& problem : edge_problems()) check_bound(problem);
  for (const Conv2dProblem& problem : vgg16_problems()) check_bound(problem);
}

TEST_CASE("conv2d indirect_gemm: runs without a bias", "[kernels][conv2d]") {
  const Conv2dProblem problem{.c_in = 3, .h = 5, .w = 6, .c_out = 19, .kh = 3, .kw = 3};
  Conv2dData data = small_integer_data(problem);
  data.bias.clear();
  check_exact(problem, data);
}

TEST_CASE("conv2d: takes pointers of any alignment", "[kernels][conv2d]") {
  for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
    Conv2dProblem problem = vgg16_problems()[1];
    problem.layout = layout;
    problem.may_round_to_16_bits = problem.may_round_to_bf16 = true;
    const Conv2dData data = real_data(problem);
    for (const Conv2dPlan& plan : every_plan(problem, 2)) {
      const Conv2dRun run = run_conv2d(problem, plan, data, 2, 1);
      INFO(to_string(plan));
      CHECK(bit_difference(run_conv2d(problem, plan, data, 2).output, run.output) == "");
      CHECK(run.guards_intact);
    }
  }
}

// Whole batches on one to four threads, and each image alone.
void check_same_bits(Conv2dProblem batch) {
  batch.may_round_to_16_bits = batch.may_round_to_bf16 = true;
  const Conv2dData data = real_data(batch);
  const auto slice = [&](const Floats& all, std::int64_t b) {
    const auto size = static_cast<std::int64_t>(all.size()) / batch.n;
    return Floats(all.begin() + b * size, all.begin() + (b + 1) * size);
  };
  Conv2dProblem single = batch;
  single.n = 1;
  for (const Conv2dPlan& plan : every_plan(batch, 3)) {
    const Floats whole = run_conv2d(batch, plan, data, 1).output;
    INFO(describe(batch) << ", " << to_string(plan));
    for (const int threads : {2, 3, 4}) {
      CHECK(bit_difference(whole, run_conv2d(batch, plan, data, threads).output) == "");
    }
    const Conv2dPlan one = plan_conv2d_as(plan.algo, single, {.isa = plan.isa});
    for (std::int64_t b = 0; b < batch.n; ++b) {
      const Conv2dData image{slice(data.input, b), data.weight, data.bias};
      CHECK(bit_difference(slice(whole, b), run_conv2d(single, one, image, 1).output) == "");
    }
  }
}

TEST_CASE("conv2d: an image has the same bits in any batch and on any threads",
          "[kernels][conv2d]") {
  Conv2dProblem batch{
      .n = 5, .c_in = 19, .h = 9, .w = 7, .c_out = 35, .kh = 3, .kw = 3, .pad_h = 1, .pad_w = 1};
  for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
    batch.layout = layout;
    check_same_bits(batch);
  }
  // Tiles enough for Winograd to give each thread blocks of its own, but not for a single image.
  batch = {.n = 3,
           .c_in = 64,
           .h = 48,
           .w = 48,
           .c_out = 20,
           .kh = 3,
           .kw = 3,
           .pad_h = 1,
           .pad_w = 1,
           .layout = Layout::nhwc};
  check_same_bits(batch);
}

TEST_CASE("conv2d: a smaller batch needs no more workspace than a larger one",
          "[kernels][conv2d]") {
  for (Conv2dProblem problem : {vgg16_problems()[1], vgg16_problems()[7]}) {
    problem.h = problem.w = 40;
    problem.may_round_to_16_bits = problem.may_round_to_bf16 = true;
    std::vector<std::int64_t> before;
    for (problem.n = 1; problem.n <= 12; ++problem.n) {
      std::vector<std::int64_t> bytes;
      for (const Conv2dPlan& plan : every_plan(problem, 2)) bytes.push_back(plan.workspace_bytes);
      for (std::size_t i = 0; i < before.size(); ++i) CHECK(before[i] <= bytes[i]);
      before = bytes;
    }
  }
}

TEST_CASE("conv2d: fused max pooling gives the bits of a pass of its own", "[kernels][conv2d]") {
  std::vector<Conv2dProblem> problems = winograd_problems();
  const std::vector<Conv2dProblem> edges = edge_problems();
  problems.insert(problems.end(), edges.begin(), edges.end());
  for (Conv2dProblem problem : problems) {
    problem.may_round_to_16_bits = problem.may_round_to_bf16 = true;
    const Conv2dData data = real_data(problem);
    for (Conv2dPlan plan : every_plan(problem, 2)) {
      problem.max_pool_2x2 = false;
      const Floats convolved = run_conv2d(problem, plan, data, 2).output;
      problem.max_pool_2x2 = true;
      plan = plan_conv2d_as(plan.algo, problem, {.isa = plan.isa}, 2);
      const Conv2dRun pooled = run_conv2d(problem, plan, data, 2);
      INFO(describe(problem) << ", " << to_string(plan));
      CHECK(bit_difference(pool_2x2(problem, convolved), pooled.output) == "");
      CHECK(pooled.guards_intact);
    }
  }
}

TEST_CASE("conv2d: NaN passes through the fused ReLU, infinity keeps its sign",
          "[kernels][conv2d]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const Conv2dProblem problem{.c_in = 1, .h = 1, .w = 4, .c_out = 1, .relu = true};
  const Conv2dData data{{nan, infinity, -infinity, -1}, {1}, {0}};
  for (const CpuFeatures& features : every_isa()) {
    const Conv2dPlan plan = plan_conv2d_as(Conv2dAlgo::indirect_gemm, problem, features);
    INFO(to_string(plan));
    CHECK(difference({nan, infinity, 0, 0}, run_conv2d(problem, plan, data, 1).output) == "");
  }
  CHECK(difference({nan, infinity, 0, 0}, reference_conv2d(problem, data)) == "");
}

}  // namespace
}  // namespace lamina::test
