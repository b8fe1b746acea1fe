#include "kernels/cuda/conv2d.h"

#include "tests/kernels/conv2d_cases.h"

#include <catch2/catch.hpp>

namespace lamina::kernels::cuda {
namespace {

constexpr DeviceProperties kDevice{.name = {}, .compute_major = 9, .multiprocessors = 132};

Conv2dProblem conv3x3(std::int64_t n, std::int64_t c_in, std::int64_t c_out, std::int64_t size) {
  Conv2dProblem problem{.conv = test::conv3x3(c_in, c_out, size), .precision = Precision::bf16};
  problem.conv.n = n;
  return problem;
}

std::string plan_of(const Conv2dProblem& problem) {
  return to_string(problem, plan_conv2d(problem, kDevice));
}

TEST_CASE("cuda conv2d plan: a tile is no wider than a group's channels ask for", "[cuda]") {
  for (const std::int64_t n : {1, 64}) {
    INFO("batch " << n);
    Conv2dProblem first = conv3x3(n, 3, 64, 224);
    CHECK(plan_of(first) == "implicit_gemm bf16 64x64x32, 4 stages, by elements");
    first.c_in_stored = 8;
    CHECK(plan_of(first) == "implicit_gemm bf16 128x64x32, 4 stages");

    Conv2dProblem second = conv3x3(n, 64, 64, 224);
    CHECK(plan_of(second) == "implicit_gemm bf16 128x64x32, 4 stages");
    second.conv.max_pool_2x2 = true;
    CHECK(plan_of(second) == "implicit_gemm bf16 128x64x32, 4 stages");
    second.precision = Precision::fp32;
    CHECK(plan_of(second) == "implicit_gemm fp32 128x64x16, 4 stages");

    CHECK(plan_of(conv3x3(n, 64, 65, 224)) == "implicit_gemm bf16 128x128x32, 4 stages");
    Conv2dProblem grouped = conv3x3(n, 128, 128, 224);
    CHECK(plan_of(grouped) == "implicit_gemm bf16 128x128x32, 4 stages");
    grouped.conv.groups = 2;
    CHECK(plan_of(grouped) == "implicit_gemm bf16 128x64x32, 4 stages");
  }
}

TEST_CASE("cuda conv2d plan: large tiles only where every multiprocessor gets one", "[cuda]") {
  for (const std::int64_t c_out : {64, 128}) {
    INFO(c_out << " channels");
    Conv2dProblem problem{
        .conv = {.n = 1, .c_in = 64, .w = 128, .c_out = c_out, .layout = Layout::nhwc}};
    problem.conv.h = kDevice.multiprocessors;
    CHECK(plan_conv2d(problem, kDevice).tile_m == 128);
    CHECK(plan_conv2d(problem, kDevice).tile_n == c_out);
    --problem.conv.h;
    CHECK(plan_conv2d(problem, kDevice).tile_m == 64);
    CHECK(plan_conv2d(problem, kDevice).tile_n == 64);
  }
}

TEST_CASE("cuda conv2d plan: a batch changes the tile, never the chunks", "[cuda]") {
  const Conv2dPlan one = plan_conv2d(conv3x3(1, 256, 64, 14), kDevice);
  const Conv2dPlan many = plan_conv2d(conv3x3(256, 256, 64, 14), kDevice);
  CHECK(one.tile_m == 64);
  CHECK(one.split);
  CHECK(many.tile_m == 128);
  CHECK(!many.split);
  CHECK(one.k_chunks == 2);
  CHECK(many.k_chunks == 2);
}

}  // namespace
}  // namespace lamina::kernels::cuda
