#include "kernels/conv2d.h"

#include <lamina/core/error.h>

#include "kernels/cpu/conv2d_winograd.h"
#include "tests/kernels/conv2d_cases.h"
#include "tests/support/skip.h"

#include <catch2/catch.hpp>

#include <array>
#include <cstdlib>

namespace lamina::test {
namespace {

using kernels::Conv2dAlgo;
using kernels::Conv2dPlan;
using kernels::Conv2dProblem;
using kernels::Layout;

constexpr CpuFeatures kScalar{.isa = Isa::scalar};
constexpr CpuFeatures kAvx2{.isa = Isa::avx2};
constexpr CpuFeatures kAmx{.isa = Isa::amx, .amx_bf16 = true};

// What AMX costs is told in AVX-512's multiplications.
bool has_avx512_tile() { return kernels::cpu::winograd_tile(Isa::avx512).lanes == 16; }

// LAMINA_CONV2D_PLAN for the length of a test.
class ScopedPlan {
 public:
  explicit ScopedPlan(const char* name) { ::setenv("LAMINA_CONV2D_PLAN", name, 1); }
  ~ScopedPlan() { ::unsetenv("LAMINA_CONV2D_PLAN"); }
  ScopedPlan(const ScopedPlan&) = delete;
  ScopedPlan& operator=(const ScopedPlan&) = delete;
};

TEST_CASE("conv2d plan: takes Winograd for VGG16's layers but the first", "[kernels][conv2d]") {
  const auto algo = [](std::int64_t c_in, std::int64_t c_out, std::int64_t size, Isa isa) {
    return plan_conv2d(conv3x3(c_in, c_out, size), {.isa = isa}).algo;
  };
  for (const CpuFeatures& features : every_isa()) {
    CHECK(algo(3, 64, 224, features.isa) == Conv2dAlgo::indirect_gemm);
    CHECK(algo(64, 64, 224, features.isa) == Conv2dAlgo::winograd_f6);
    CHECK(algo(128, 128, 112, features.isa) == Conv2dAlgo::winograd_f6);
    CHECK(algo(256, 512, 28, features.isa) == Conv2dAlgo::winograd_f4);
    CHECK(algo(512, 512, 14, features.isa) == Conv2dAlgo::winograd_f4);
    CHECK(plan_conv2d(conv3x3(64, 64, 224), features).isa == features.isa);
  }
}

TEST_CASE("conv2d plan: takes fixed point where 16 bits will do, in the tiles of floats",
          "[kernels][conv2d]") {
  const auto algo = [](std::int64_t channels, std::int64_t size, const CpuFeatures& features) {
    Conv2dProblem problem = conv3x3(channels, channels, size);
    problem.may_round_to_16_bits = true;
    return plan_conv2d(problem, features).algo;
  };
  for (const CpuFeatures& features : every_isa()) {
    CHECK(algo(64, 224, features) == Conv2dAlgo::winograd_f6_q15);
    CHECK(algo(128, 112, features) == Conv2dAlgo::winograd_f6_q15);
    CHECK(algo(512, 28, features) == Conv2dAlgo::winograd_f4_q15);
    CHECK(algo(512, 14, features) == Conv2dAlgo::winograd_f4_q15);
  }
}

TEST_CASE("conv2d plan: takes fixed point for bf16 where one instruction multiplies two numbers",
          "[kernels][conv2d]") {
  Conv2dProblem problem = conv3x3(256, 256, 56);
  problem.may_round_to_16_bits = problem.may_round_to_bf16 = true;
  const auto takes_it = [&](const CpuFeatures& features) {
    return is_fixed_point(plan_conv2d(problem, features).algo);
  };
  CHECK_FALSE(takes_it(kScalar));
  if (detect_cpu_features().isa >= Isa::avx2) CHECK(takes_it(kAvx2));
  if (!has_avx512_tile()) return;
  CHECK(takes_it({.isa = Isa::avx512, .avx512_vnni = true}));
  CHECK_FALSE(takes_it({.isa = Isa::avx512}));
  problem.may_round_to_16_bits = problem.may_round_to_bf16 = false;
  CHECK_FALSE(takes_it({.isa = Isa::avx512, .avx512_vnni = true}));
}

TEST_CASE("conv2d plan: Winograd needs a 3x3 kernel, stride 1, no dilation, one group",
          "[kernels][conv2d]") {
  const auto illegal = [](auto&& change) {
    Conv2dProblem problem = conv3x3(64, 64, 56);
    change(problem);
    CHECK(plan_conv2d(problem, kAvx2).algo == Conv2dAlgo::indirect_gemm);
    CHECK_THROWS_AS(plan_conv2d_as(Conv2dAlgo::winograd_f4, problem, kAvx2), InvalidArgument);
    CHECK_THROWS_AS(plan_conv2d_as(Conv2dAlgo::winograd_f6, problem, kAvx2), InvalidArgument);
  };
  illegal([](Conv2dProblem& p) { p.kh = 1; });
  illegal([](Conv2dProblem& p) { p.kw = 5; });
  illegal([](Conv2dProblem& p) { p.stride_h = 2; });
  illegal([](Conv2dProblem& p) { p.stride_w = 2; });
  illegal([](Conv2dProblem& p) { p.dilation_h = 2; });
  illegal([](Conv2dProblem& p) { p.dilation_w = 2; });
  illegal([](Conv2dProblem& p) { p.groups = 2; });
}

TEST_CASE("conv2d plan: takes AMX for VGG16's layers but the first, where inputs may be bf16",
          "[kernels][conv2d][amx]") {
  for (const auto& [c_in, c_out, size] : {std::array{64, 64, 224},
                                          {64, 128, 112},
                                          {128, 128, 112},
                                          {128, 256, 56},
                                          {256, 256, 56},
                                          {256, 512, 28},
                                          {512, 512, 28},
                                          {512, 512, 14}}) {
    Conv2dProblem problem = conv3x3(c_in, c_out, size);
    CHECK(plan_conv2d(problem, kAmx).algo != Conv2dAlgo::amx_bf16);
    problem.may_round_to_bf16 = true;
    INFO(c_in << " to " << c_out);
    CHECK(plan_conv2d(problem, kAmx).algo == Conv2dAlgo::amx_bf16);
    CHECK(to_string(plan_conv2d(problem, kAmx)) == "amx_bf16 amx 32x32");
    CHECK(plan_conv2d(problem, kAmx.capped(Isa::avx512)).algo != Conv2dAlgo::amx_bf16);
    // Tiles that multiply 8-bit numbers only.
    CHECK(plan_conv2d(problem, {.isa = Isa::amx, .amx_int8 = true}).algo != Conv2dAlgo::amx_bf16);
    problem.groups = 2;
    CHECK(plan_conv2d(problem, kAmx).algo != Conv2dAlgo::amx_bf16);
    CHECK_THROWS_AS(plan_conv2d_as(Conv2dAlgo::amx_bf16, problem, kAmx), InvalidArgument);
  }
}

TEST_CASE("conv2d plan: leaves VGG16's first layer to float32, whatever AMX may round",
          "[kernels][conv2d][amx]") {
  if (!has_avx512_tile()) LAMINA_SKIP("built for a processor without AVX-512");
  Conv2dProblem first = conv3x3(3, 64, 224);
  first.may_round_to_bf16 = true;
  CHECK(plan_conv2d(first, kAmx).algo == Conv2dAlgo::indirect_gemm);
}

// A product of two tiles takes 16 cycles for 8192 multiply-adds; nothing else may be free.
TEST_CASE("conv2d plan: AMX is expected near its peak where there is much to multiply",
          "[kernels][conv2d][amx]") {
  if (!has_avx512_tile()) LAMINA_SKIP("built for a processor without AVX-512");
  Conv2dProblem problem = conv3x3(512, 512, 112);
  problem.may_round_to_bf16 = true;
  const double flops = 2.0 * 112 * 112 * 512 * 512 * 9;
  const double expected = plan_conv2d(problem, kAmx).expected_flops;
  CHECK(expected > flops / 16);
  CHECK(expected < flops / 16 * 1.3);
}

TEST_CASE("conv2d plan: falls back to the reference where a kernel has too many taps",
          "[kernels][conv2d]") {
  Conv2dProblem problem = conv3x3(3, 64, 32);
  problem.kh = problem.kw = 17;
  CHECK(plan_conv2d(problem, kAvx2).algo == Conv2dAlgo::reference);
  CHECK_THROWS_AS(plan_conv2d_as(Conv2dAlgo::indirect_gemm, problem, kAvx2), InvalidArgument);
}

TEST_CASE("conv2d plan: n and threads change nothing but the workspace", "[kernels][conv2d]") {
  for (Conv2dProblem problem : edge_problems()) {
    for (const CpuFeatures& features : every_isa()) {
      problem.n = 1;
      Conv2dPlan one = plan_conv2d(problem, features, 1);
      problem.n = 32;
      Conv2dPlan many = plan_conv2d(problem, features, 8);
      one.workspace_bytes = many.workspace_bytes = 0;
      one.threads = many.threads;
      CHECK(one == many);
    }
  }
}

TEST_CASE("conv2d plan: the environment forces an algorithm by name", "[kernels][conv2d]") {
  const Conv2dProblem problem = conv3x3(8, 8, 8);
  {
    const ScopedPlan forced("reference");
    CHECK(plan_conv2d(problem, kAvx2).algo == Conv2dAlgo::reference);
  }
  {
    const ScopedPlan forced("indirect_gemm");
    CHECK(plan_conv2d(problem, kScalar).algo == Conv2dAlgo::indirect_gemm);
    Conv2dProblem illegal = problem;
    illegal.h = illegal.w = 40;
    illegal.kh = illegal.kw = 17;
    CHECK(plan_conv2d(illegal, kScalar).algo == Conv2dAlgo::reference);
  }
  {
    const ScopedPlan forced("amx_bf16");
    Conv2dProblem first = conv3x3(3, 64, 32);
    CHECK(plan_conv2d(first, kAmx).algo == Conv2dAlgo::indirect_gemm);
    first.may_round_to_bf16 = true;
    CHECK(plan_conv2d(first, kAmx).algo == Conv2dAlgo::amx_bf16);
    CHECK(plan_conv2d(first, kAmx.capped(Isa::avx512)).algo == Conv2dAlgo::indirect_gemm);
  }
  {
    const ScopedPlan forced("winnograd");
    CHECK_THROWS_AS(plan_conv2d(problem, kAvx2), InvalidArgument);
  }
}

TEST_CASE("conv2d plan: says what it is", "[kernels][conv2d]") {
  const Conv2dProblem wide = conv3x3(64, 64, 8), narrow = conv3x3(64, 8, 8);
  if (detect_cpu_features().isa >= Isa::avx2) {
    CHECK(to_string(plan_conv2d_as(Conv2dAlgo::indirect_gemm, wide, kAvx2)) ==
          "indirect_gemm avx2 6x16");
    CHECK(to_string(plan_conv2d_as(Conv2dAlgo::indirect_gemm, narrow, kAvx2)) ==
          "indirect_gemm avx2 6x8");
  }
  if (detect_cpu_features().isa >= Isa::avx2) {
    CHECK(to_string(plan_conv2d_as(Conv2dAlgo::winograd_f6, wide, kAvx2)) ==
          "winograd_f6 avx2 6x16");
  }
  CHECK(to_string(plan_conv2d_as(Conv2dAlgo::reference, wide, kAvx2)) == "reference");
}

TEST_CASE("conv2d plan: packed weights are filled up to whole panels", "[kernels][conv2d]") {
  const Conv2dProblem problem = conv3x3(5, 33, 8);
  for (const CpuFeatures& features : every_isa()) {
    const Conv2dPlan plan = plan_conv2d_as(Conv2dAlgo::indirect_gemm, problem, features);
    const std::int64_t panels = (33 + plan.block_n - 1) / plan.block_n;
    CHECK(plan.packed_weight_bytes == panels * plan.block_n * 9 * 5 * 4);
  }
}

TEST_CASE("conv2d plan: a direct NHWC convolution without padding needs no workspace",
          "[kernels][conv2d]") {
  Conv2dProblem problem = conv3x3(16, 16, 8);
  const auto workspace = [&] {
    return plan_conv2d_as(Conv2dAlgo::indirect_gemm, problem, kAvx2).workspace_bytes;
  };
  CHECK(workspace() == 3 * 16 * 4);  // zeros for the padding
  problem.pad_h = problem.pad_w = 0;
  CHECK(workspace() == 0);
  problem.layout = Layout::nchw;
  CHECK(workspace() == (8 * 8 + 6 * 6) * 16 * 4);
  problem.max_pool_2x2 = true;  // what is pooled, and the result
  CHECK(workspace() == (8 * 8 + 6 * 6 + 3 * 3) * 16 * 4);
}

}  // namespace
}  // namespace lamina::test
