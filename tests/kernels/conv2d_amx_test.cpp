// The convolution on tiles, everywhere on the model of the tile unit, and on the unit itself where
// the machine has one: exact where it must be, within its bound elsewhere, and loud when broken.
#include "kernels/conv2d.h"

#include <lamina/core/error.h>

#include "kernels/cpu/conv2d_amx_kernel.h"
#include "tests/kernels/conv2d_cases.h"
#include "tests/kernels/tile_model.h"
#include "tests/support/skip.h"

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <limits>

namespace lamina::test {
namespace {

using kernels::Conv2dAlgo;
using kernels::Conv2dPlan;
using kernels::Conv2dProblem;
using kernels::Layout;
using kernels::cpu::AmxKernel;

constexpr double kEpsilon = 0x1p-24;

Conv2dProblem conv3x3(std::int64_t c_in, std::int64_t c_out, std::int64_t h, std::int64_t w) {
  Conv2dProblem problem = test::conv3x3(c_in, c_out, h);
  problem.w = w;
  problem.relu = problem.may_round_to_bf16 = true;
  return problem;
}

// Sizes around a block of 2 x 16 pixels, channels around groups of 32 and tiles of 16, and what
// else may be asked of a convolution of one group.
std::vector<Conv2dProblem> problems() {
  std::vector<Conv2dProblem> result;
  for (const std::int64_t w : {1, 2, 15, 16, 17, 31, 33}) result.push_back(conv3x3(5, 7, 3, w));
  for (const std::int64_t h : {1, 2, 4, 5}) result.push_back(conv3x3(5, 7, h, 18));
  for (const std::int64_t c : {1, 31, 32, 33, 64, 65}) result.push_back(conv3x3(c, 5, 5, 6));
  for (const std::int64_t k : {1, 15, 16, 17, 31, 32, 33, 48, 49, 64, 65}) {
    result.push_back(conv3x3(3, k, 5, 6));
    result.back().relu = false;
  }
  for (const Conv2dProblem& problem : edge_problems()) {
    if (problem.groups == 1) result.push_back(problem);
    result.back().may_round_to_bf16 = true;
  }
  for (const Conv2dProblem& problem : vgg16_problems()) {
    if (problem.c_out < 512) result.push_back(problem);
    result.back().may_round_to_bf16 = true;
  }
  const std::size_t plain = result.size();
  for (std::size_t i = 0; i < plain; i += 2) {
    result.push_back(result[i]);
    result.back().max_pool_2x2 = true;
  }
  return result;
}

Conv2dPlan amx_plan(const Conv2dProblem& problem, int threads = 1) {
  return plan_conv2d_as(Conv2dAlgo::amx_bf16, problem, every_isa().back(), threads);
}

float to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return std::bit_cast<float>((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u);
}

Conv2dData rounded(Conv2dData data) {
  for (float& value : data.input) value = to_bf16(value);
  for (float& value : data.weight) value = to_bf16(value);
  return data;
}

void check_exact(AmxKernel* tiles) {
  for (const Conv2dProblem& problem : problems()) {
    const Conv2dData data = small_integer_data(problem);
    const Floats expected = reference_conv2d(problem, data);
    for (const CpuFeatures& features : every_isa()) {
      const Conv2dPlan plan = plan_conv2d_as(Conv2dAlgo::amx_bf16, problem, features, 2);
      INFO(describe(problem) << ", " << to_string(plan));
      const Conv2dRun run = run_conv2d_on(tiles, problem, plan, data, 2);
      CHECK(difference(expected, run.output) == "");
      CHECK(run.guards_intact);
    }
  }
}

// Every term is rounded with up to 16 of its tile, once more with its pair's other half, and then
// with each tile of the sum, bias last.
void check_bound(AmxKernel* tiles) {
  for (const Conv2dProblem& problem : problems()) {
    const Conv2dData data = real_data(problem);
    const Floats exact = reference_conv2d(problem, data);
    const Floats of_rounded = reference_conv2d(problem, rounded(data));
    const Floats magnitude = reference_conv2d(
        problem, {absolute(data.input), absolute(data.weight), absolute(data.bias)});
    const auto steps = static_cast<double>((problem.c_in + 31) / 32 * problem.kh * problem.kw);
    const Conv2dPlan plan = amx_plan(problem, 2);
    INFO(describe(problem) << ", " << to_string(plan));
    const Conv2dRun run = run_conv2d_on(tiles, problem, plan, data, 2);
    const double sums = (steps + 18) * kEpsilon, halves = 0x1p-7 + 0x1p-16;
    CHECK(excess(of_rounded, run.output, [&](std::size_t i) {
            return sums * (1 + halves) * static_cast<double>(magnitude[i]);
          }) == "");
    CHECK(excess(exact, run.output, [&](std::size_t i) {
            return (halves + sums * (1 + halves)) * static_cast<double>(magnitude[i]);
          }) == "");
    CHECK(run.guards_intact);
  }
}

TEST_CASE("conv2d amx_bf16: equals the reference on small integers", "[kernels][conv2d][amx]") {
  check_exact(kModelKernel);
}

TEST_CASE("conv2d amx_bf16: stays within its bound on real inputs", "[kernels][conv2d][amx]") {
  check_bound(kModelKernel);
}

TEST_CASE("conv2d amx_bf16: runs without a bias", "[kernels][conv2d][amx]") {
  for (const bool pool : {false, true}) {
    Conv2dProblem problem = conv3x3(33, 21, 6, 19);
    problem.max_pool_2x2 = pool;
    Conv2dData data = small_integer_data(problem);
    data.bias.clear();
    const Conv2dRun run = run_conv2d(problem, amx_plan(problem), data, 1);
    CHECK(difference(reference_conv2d(problem, data), run.output) == "");
  }
}

TEST_CASE("conv2d amx_bf16: images that are not staged together keep their bits",
          "[kernels][conv2d][amx]") {
  // 2 MiB an image, so that four are staged at once.
  Conv2dProblem problem{.n = 6,
                        .c_in = 256,
                        .h = 64,
                        .w = 64,
                        .c_out = 16,
                        .may_round_to_bf16 = true,
                        .layout = Layout::nhwc};
  const Conv2dData data = real_data(problem);
  const Conv2dPlan plan = amx_plan(problem, 2);
  CHECK(plan.workspace_bytes == 4 * 8 * 64 * 64 * 64);
  const Conv2dRun run = run_conv2d(problem, plan, data, 2);
  CHECK(run.guards_intact);
  const auto image = static_cast<std::int64_t>(run.output.size()) / 6;
  const auto inputs = static_cast<std::int64_t>(data.input.size()) / 6;
  problem.n = 1;
  for (const std::int64_t b : {0, 3, 4, 5}) {
    const Conv2dData one{
        Floats(data.input.begin() + b * inputs, data.input.begin() + (b + 1) * inputs), data.weight,
        data.bias};
    const Floats expected(run.output.begin() + b * image, run.output.begin() + (b + 1) * image);
    CHECK(bit_difference(expected, run_conv2d(problem, amx_plan(problem), one, 1).output) == "");
  }
}

TEST_CASE("conv2d amx_bf16: many threads share few blocks and panels", "[kernels][conv2d][amx]") {
  for (const std::int64_t c_out : {16, 160}) {
    for (const std::int64_t size : {1, 14}) {
      const Conv2dProblem problem = conv3x3(40, c_out, size, size);
      const Conv2dData data = real_data(problem);
      const Floats expected = run_conv2d(problem, amx_plan(problem), data, 1).output;
      for (const int threads : {2, 3, 5, 16, 64}) {
        const Conv2dPlan plan = amx_plan(problem, threads);
        CHECK(bit_difference(expected, run_conv2d(problem, plan, data, threads).output) == "");
      }
    }
  }
}

// Unlike Winograd, whose tiles spread them.
TEST_CASE("conv2d amx_bf16: a NaN or infinity reaches only the outputs that read it",
          "[kernels][conv2d][amx]") {
  const float infinity = std::numeric_limits<float>::infinity();
  Conv2dProblem problem = conv3x3(3, 17, 9, 20);
  problem.relu = false;
  const Conv2dData data = small_integer_data(problem);
  for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity}) {
    for (const bool relu : {false, true}) {
      problem.relu = relu;
      Conv2dData with = data;
      with.input[static_cast<std::size_t>((4 * problem.w + 15) * problem.c_in + 1)] = wrong;
      const Floats expected = reference_conv2d(problem, with);
      CHECK(difference(expected, run_conv2d(problem, amx_plan(problem), with, 2).output) == "");
    }
  }
}

TEST_CASE("conv2d amx_bf16: denormal inputs are zero, and huge ones infinite",
          "[kernels][conv2d][amx]") {
  Conv2dProblem problem{
      .c_in = 1, .h = 1, .w = 4, .c_out = 1, .may_round_to_bf16 = true, .layout = Layout::nhwc};
  const float largest = std::numeric_limits<float>::max(), infinity = HUGE_VALF;
  const Conv2dData data{{0x1p-130f, largest, -largest, 0x1p-126f}, {1}, {}};
  CHECK(difference({0, infinity, -infinity, 0x1p-126f},
                   run_conv2d(problem, amx_plan(problem), data, 1).output) == "");
}

TEST_CASE("conv2d amx_bf16: weights lie in pairs of channels", "[kernels][conv2d][amx]") {
  const Conv2dProblem problem = conv3x3(34, 18, 4, 4);
  const Conv2dPlan plan = amx_plan(problem);
  REQUIRE(plan.packed_weight_bytes == 2 * 9 * 2 * 1024);
  AlignedBytes packed(plan.packed_weight_bytes);
  const Conv2dData data = small_integer_data(problem);
  pack_conv2d_weight(problem, plan, data.weight.data(), packed.data(), {.threads = 2});
  const auto* halves = static_cast<const std::uint16_t*>(packed.data());
  for (std::int64_t i = 0; i < plan.packed_weight_bytes / 2; ++i) {
    const std::int64_t tile = i / 512, step = tile / 2;
    const std::int64_t k = tile % 2 * 16 + i % 32 / 2;
    const std::int64_t c = step / 9 * 32 + i % 512 / 32 * 2 + i % 2;
    float expected = 0;
    if (k < 18 && c < 34) {
      expected = data.weight[static_cast<std::size_t>((k * 34 + c) * 9 + step % 9)];
    }
    const float actual = std::bit_cast<float>(static_cast<std::uint32_t>(halves[i]) << 16);
    if (actual != expected) FAIL("at " << i << ": " << actual << ", expected " << expected);
  }
}

TEST_CASE("conv2d amx_bf16: the processor's tile unit equals the reference and its model",
          "[kernels][conv2d][amx]") {
  if (!detect_cpu_features().amx_bf16) LAMINA_SKIP("needs AMX-BF16");
  AmxKernel* const tiles = kernels::cpu::amx_kernel();
  check_exact(tiles);
  check_bound(tiles);
  for (const Conv2dProblem& problem : problems()) {
    const Conv2dData data = real_data(problem);
    const Conv2dPlan plan = amx_plan(problem, 2);
    INFO(describe(problem));
    CHECK(bit_difference(run_conv2d(problem, plan, data, 2).output,
                         run_conv2d_on(tiles, problem, plan, data, 2).output) == "");
  }
}

// Tile units with one fault each, to see that it would be noticed.
struct NeverConfigures : TileModel {
  void configure(const kernels::cpu::TileConfig&) {}
};
struct LacksATile : TileModel {
  void configure(kernels::cpu::TileConfig config) {
    config.rows[7] = 0;
    config.row_bytes[7] = 0;
    TileModel::configure(config);
  }
};
struct ShortRows : TileModel {
  void configure(kernels::cpu::TileConfig config) {
    config.row_bytes[4] = 60;
    TileModel::configure(config);
  }
};
struct LosesAConfiguration : TileModel {
  template <int kTile>
  void store(void* rows, std::int64_t stride_bytes) {
    release();
    TileModel::store(kTile, rows, stride_bytes);
  }
};

TEST_CASE("conv2d amx_bf16: a tile that is not configured, or wrongly, ends the test",
          "[kernels][conv2d][amx]") {
  using kernels::cpu::multiply_tiles;
  const Conv2dProblem problem = conv3x3(33, 33, 5, 17);
  const Conv2dData data = small_integer_data(problem);
  for (AmxKernel* const tiles : {multiply_tiles<NeverConfigures>, multiply_tiles<LacksATile>,
                                 multiply_tiles<ShortRows>, multiply_tiles<LosesAConfiguration>}) {
    for (const int threads : {1, 2}) {
      const Conv2dPlan plan = amx_plan(problem, threads);
      CHECK_THROWS_AS(run_conv2d_on(tiles, problem, plan, data, threads), TileFault);
    }
  }
}

// A unit that computes something else.
struct KeepsOldSums : TileModel {
  template <int kTile>
  void zero() {}
};
struct SwapsPairs : TileModel {
  template <int kTile>
  void load(const void* rows, std::int64_t stride_bytes) {
    TileModel::load(kTile, static_cast<const std::uint8_t*>(rows) + (kTile == 7 ? 2 : 0),
                    stride_bytes);
  }
};
struct ForgetsTheStride : TileModel {
  template <int kTile>
  void load(const void* rows, std::int64_t) {
    TileModel::load(kTile, rows, kernels::cpu::kTileRowBytes);
  }
};

TEST_CASE("conv2d amx_bf16: a unit that computes something else is noticed",
          "[kernels][conv2d][amx]") {
  using kernels::cpu::multiply_tiles;
  Conv2dProblem problem = conv3x3(33, 33, 5, 35);
  problem.stride_w = 2;
  const Conv2dData data = small_integer_data(problem);
  const Floats expected = reference_conv2d(problem, data);
  const Conv2dPlan plan = amx_plan(problem);
  CHECK(difference(expected, run_conv2d(problem, plan, data, 1).output) == "");
  for (AmxKernel* const tiles : {multiply_tiles<KeepsOldSums>, multiply_tiles<SwapsPairs>,
                                 multiply_tiles<ForgetsTheStride>}) {
    CHECK(difference(expected, run_conv2d_on(tiles, problem, plan, data, 1).output) != "");
  }
}

}  // namespace
}  // namespace lamina::test
