// What Winograd in fixed point promises of its words: exact products, whichever instructions
// multiply, and the bias where there is nothing else.
#include "kernels/conv2d.h"
#include "kernels/cpu/conv2d_winograd.h"
#include "tests/kernels/conv2d_cases.h"
#include "tests/support/skip.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <bit>
#include <random>

namespace lamina::test {
namespace {

using kernels::Conv2dAlgo;
using kernels::Conv2dPlan;
using kernels::Conv2dProblem;
using kernels::cpu::RegisterTile;
using kernels::cpu::WinogradKernels;

constexpr Conv2dAlgo kAlgos[] = {Conv2dAlgo::winograd_f4_q15, Conv2dAlgo::winograd_f6_q15};

Conv2dProblem problem_to_round(std::size_t i) {
  Conv2dProblem problem = winograd_problems()[i];
  problem.may_round_to_16_bits = true;
  return problem;
}

CpuFeatures without_vnni(CpuFeatures features) {
  features.avx_vnni = features.avx512_vnni = false;
  return features;
}

// With VNNI and as if it were not there, where it is.
std::vector<CpuFeatures> every_isa_and_vnni() {
  std::vector<CpuFeatures> result = every_isa();
  for (const CpuFeatures& features : every_isa()) {
    if (features.vnni()) result.push_back(without_vnni(features));
  }
  return result;
}

// Words of two numbers each: [rows][words][2], and the same as the kernels have them.
struct Words {
  std::vector<std::int32_t> halves;
  AlignedBytes packed;

  Words(std::int64_t rows, std::int64_t words, std::int64_t stride, int bound,
        std::minstd_rand& random)
      : packed(4 * rows * stride) {
    const auto half = [&] {
      return static_cast<std::int32_t>(random() % static_cast<unsigned>(2 * bound + 1)) - bound;
    };
    for (std::int64_t i = 0; i < rows * words; ++i) {
      const std::int32_t first = half(), second = half();
      halves.insert(halves.end(), {first, second});
      static_cast<float*>(packed.data())[i / words * stride + i % words] =
          std::bit_cast<float>((first & 0xffff) | second << 16);
    }
  }

  const float* data() const { return static_cast<const float*>(packed.data()); }
  std::int32_t at(std::int64_t i) const { return halves[static_cast<std::size_t>(i)]; }
};

struct Bounds {
  int v, u;
};

void check_products(const WinogradKernels& kernels, RegisterTile tile, std::int64_t words,
                    std::int64_t count, Bounds bounds, std::minstd_rand& random) {
  const std::int64_t stride = (words + 15) / 16 * 16;
  const Words v(count, words, stride, bounds.v, random);
  const Words u(words, tile.block_n, tile.block_n, bounds.u, random);
  AlignedBytes m(4 * count * tile.block_n);
  const Floats scale(static_cast<std::size_t>(tile.block_n), 0.5f);
  kernels.multiply({.v = v.data(),
                    .u = u.data(),
                    .next_u = u.data(),
                    .m = static_cast<float*>(m.data()),
                    .count = count,
                    .words = words,
                    .v_stride = stride,
                    .scale = scale.data()});
  Floats expected, actual;
  for (std::int64_t r = 0; r < count; ++r) {
    for (std::int64_t k = 0; k < tile.block_n; ++k) {
      std::int32_t sum = 0;
      for (std::int64_t w = 0; w < 2 * words; ++w) {
        sum += v.at(2 * r * words + w) * u.at(2 * (w / 2 * tile.block_n + k) + w % 2);
      }
      expected.push_back(static_cast<float>(sum) * 0.5f);
      actual.push_back(static_cast<const float*>(m.data())[r * tile.block_n + k]);
    }
  }
  INFO(words << " words, " << count << " rows");
  CHECK(difference(expected, actual) == "");
}

// Every 64 words the sum goes to float, which holds these exactly.
TEST_CASE("conv2d winograd in fixed point: products are exact at every level",
          "[kernels][conv2d]") {
  const int m = GENERATE(4, 6);
  std::minstd_rand random(7);
  for (const CpuFeatures& features : every_isa_and_vnni()) {
    INFO(to_string(features.isa));
    const RegisterTile tile = kernels::cpu::winograd_tile(features.isa);
    const WinogradKernels& kernels =
        kernels::cpu::winograd_q15_kernels(features.isa, m, features.vnni());
    for (const std::int64_t words : {1, 16, 21, 63, 64, 65, 128, 136}) {
      for (std::int64_t count = 1; count <= 2 * tile.block_m + 1; ++count) {
        check_products(kernels, tile, words, count, {.v = 500, .u = 100}, random);
      }
    }
  }
}

TEST_CASE("conv2d winograd in fixed point: VNNI changes no bits", "[kernels][conv2d]") {
  bool any = false;
  for (const CpuFeatures& features : every_isa()) {
    if (!features.vnni()) continue;
    any = true;
    for (const Conv2dAlgo algo : kAlgos) {
      const Conv2dProblem problem = problem_to_round(6);
      const Conv2dData data = real_data(problem);
      const Conv2dPlan with = plan_conv2d_as(algo, problem, features);
      const Conv2dPlan without = plan_conv2d_as(algo, problem, without_vnni(features));
      CHECK(to_string(with) != to_string(without));
      CHECK(run_conv2d(problem, with, data, 1).output ==
            run_conv2d(problem, without, data, 1).output);
    }
  }
  if (!any) LAMINA_SKIP("needs AVX-VNNI or AVX512-VNNI");
}

TEST_CASE("conv2d winograd in fixed point: an image of zeros gives the bias", "[kernels][conv2d]") {
  for (const Conv2dAlgo algo : kAlgos) {
    Conv2dProblem problem = problem_to_round(8);
    problem.relu = false;
    Conv2dData data = real_data(problem);
    std::fill(data.input.begin(), data.input.end(), 0.0f);
    const Floats expected = reference_conv2d(problem, data);
    for (const CpuFeatures& features : every_isa()) {
      const Conv2dPlan plan = plan_conv2d_as(algo, problem, features);
      INFO(to_string(plan));
      CHECK(difference(expected, run_conv2d(problem, plan, data, 1).output) == "");
    }
  }
}

}  // namespace
}  // namespace lamina::test
