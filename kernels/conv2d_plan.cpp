#include "core/checked_math.h"
#include "core/require.h"
#include "kernels/conv2d.h"
#include "kernels/conv2d_staging.h"
#include "kernels/cpu/conv2d_amx.h"
#include "kernels/cpu/conv2d_indirect_gemm.h"
#include "kernels/cpu/conv2d_winograd.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string_view>

namespace lamina::kernels {
namespace {

struct Candidate {
  Conv2dAlgo algo;
  const char* name;
};
constexpr std::array<Candidate, 7> kCandidates{{{Conv2dAlgo::reference, "reference"},
                                                {Conv2dAlgo::indirect_gemm, "indirect_gemm"},
                                                {Conv2dAlgo::winograd_f4, "winograd_f4"},
                                                {Conv2dAlgo::winograd_f6, "winograd_f6"},
                                                {Conv2dAlgo::winograd_f4_q15, "winograd_f4_q15"},
                                                {Conv2dAlgo::winograd_f6_q15, "winograd_f6_q15"},
                                                {Conv2dAlgo::amx_bf16, "amx_bf16"}}};

const char* name_of(Conv2dAlgo algo) {
  for (const Candidate& candidate : kCandidates) {
    if (candidate.algo == algo) return candidate.name;
  }
  return "unknown";
}

bool is_legal(Conv2dAlgo algo, const Conv2dProblem& problem) {
  switch (algo) {
    case Conv2dAlgo::reference: return true;
    // A tile keeps a pointer for each of its pixels and taps on the stack.
    case Conv2dAlgo::indirect_gemm: return problem.kh * problem.kw <= cpu::kMaxTaps;
    case Conv2dAlgo::winograd_f4:
    case Conv2dAlgo::winograd_f6: return cpu::winograd_is_legal(problem);
    case Conv2dAlgo::winograd_f4_q15:
    case Conv2dAlgo::winograd_f6_q15:
      return problem.may_round_to_16_bits && cpu::winograd_is_legal(problem);
    case Conv2dAlgo::amx_bf16: return problem.may_round_to_bf16 && cpu::amx_is_legal(problem);
  }
  return false;
}

bool may_run(Conv2dAlgo algo, const Conv2dProblem& problem, const CpuFeatures& features) {
  return is_legal(algo, problem) && (algo != Conv2dAlgo::amx_bf16 || features.amx_bf16);
}

// Where two products of 16 bits take as long as two of floats, fixed point only halves the weights.
// int8 is asked for its size too.
bool may_choose(Conv2dAlgo algo, const Conv2dProblem& problem, const CpuFeatures& features) {
  if (!is_fixed_point(algo) || !problem.may_round_to_bf16) return true;
  return features.isa == Isa::avx2 || features.vnni();
}

// Of a tile as wide as the machine's registers, or of one vector where that holds all channels.
int block_n_for(const cpu::RegisterTile& tile, const Conv2dProblem& problem) {
  return problem.c_out / problem.groups <= tile.lanes ? tile.lanes : tile.block_n;
}

// To read a weight from memory takes as long as to multiply it with about this many inputs.
constexpr double kWeightRead = 16;

// The costs below are estimates for one image, in vector multiplications; n must not enter
// (Conv2dPlan says why).
double reference_cost(const Conv2dProblem& p) {
  // A product takes about four cycles: its index is computed and checked each time.
  return 8.0 * static_cast<double>(p.c_in / p.groups * p.kh * p.kw) *
         static_cast<double>(p.oh() * p.ow()) * static_cast<double>(p.c_out);
}

double indirect_gemm_cost(const Conv2dProblem& p, Isa isa) {
  const cpu::RegisterTile tile = cpu::indirect_gemm_tile(isa);
  const int block_n = block_n_for(tile, p);
  const std::int64_t vectors =
      p.groups * ceil_div(p.c_out / p.groups, block_n) * (block_n / tile.lanes);
  const std::int64_t weights = p.c_in / p.groups * p.kh * p.kw * vectors;
  return static_cast<double>(weights) * (static_cast<double>(p.oh() * p.ow()) + kWeightRead);
}

// Transforms by measurement (AMD Zen 3, AVX2, November 2026): a vector of channels of a tile takes
// as long as so many multiplications on the way in and out. To store a product, and to read it
// again, takes as long as two more channels.
double winograd_cost(const Conv2dProblem& p, Conv2dAlgo algo, Isa isa) {
  const int m = cpu::winograd_side(algo);
  const cpu::RegisterTile tile = cpu::winograd_tile(isa);
  const auto tiles = static_cast<double>(ceil_div(p.oh(), m) * ceil_div(p.ow(), m));
  const auto vectors_in = static_cast<double>(ceil_div(p.c_in, tile.lanes));
  const auto vectors_out =
      static_cast<double>(ceil_div(p.c_out, tile.block_n) * (tile.block_n / tile.lanes));
  const double transform_in = m == 4 ? 400 : 900, transform_out = m == 4 ? 300 : 600;
  // Of 16 bits two are multiplied at once.
  const double words = static_cast<double>(p.c_in) / (is_fixed_point(algo) ? 2 : 1);
  const double products = (m + 2) * (m + 2) * (words + 2) * vectors_out;
  return products * (tiles + kWeightRead) +
         tiles * (transform_in * vectors_in + transform_out * vectors_out);
}

// A product of two tiles takes 16 cycles (Intel's optimization manual: 16x16x32 multiply-adds), in
// which AVX-512's two units multiply 32 vectors. It is so fast that activations, which others hide
// behind arithmetic, count: to read a line of 16 inputs, to fetch and to write the half line they
// become, and to fetch and to write a line of outputs. 2 x 2 tiles of sums need 4 loads of tiles
// for 4 products, 8 cycles each from L1, which go on meanwhile. Argued, not measured.
double amx_cost(const Conv2dProblem& p) {
  constexpr double kTileProduct = 32, kLinesIn = 2, kLinesOut = 2;
  // A tile of weights is 16 lines.
  constexpr double kTileRead = 16 * kWeightRead;
  const auto steps = static_cast<double>(ceil_div(p.c_in, cpu::kAmxChannels) * p.kh * p.kw);
  const auto outputs = static_cast<double>(ceil_div(p.c_out, cpu::kAmxOutputs));
  const auto pixel_tiles = static_cast<double>(p.oh() * ceil_div(p.ow(), cpu::kAmxPixels));
  const auto lines_in = static_cast<double>(p.h * p.w * ceil_div(p.c_in, 16));
  const auto lines_out = static_cast<double>(p.stored_h() * p.stored_w()) * outputs;
  return steps * outputs * (pixel_tiles * kTileProduct + kTileRead) +
         kWeightRead * (kLinesIn * lines_in + kLinesOut * lines_out);
}

double cost(Conv2dAlgo algo, const Conv2dProblem& problem, Isa isa) {
  switch (algo) {
    case Conv2dAlgo::reference: return reference_cost(problem);
    case Conv2dAlgo::indirect_gemm: return indirect_gemm_cost(problem, isa);
    case Conv2dAlgo::winograd_f4:
    case Conv2dAlgo::winograd_f6:
    case Conv2dAlgo::winograd_f4_q15:
    case Conv2dAlgo::winograd_f6_q15: return winograd_cost(problem, algo, isa);
    case Conv2dAlgo::amx_bf16: return amx_cost(problem);
  }
  return std::numeric_limits<double>::infinity();
}

std::optional<Conv2dAlgo> forced_algo() {
  const char* text = std::getenv("LAMINA_CONV2D_PLAN");
  if (text == nullptr || *text == '\0') return std::nullopt;
  for (const Candidate& candidate : kCandidates) {
    if (std::string_view(text) == candidate.name) return candidate.algo;
  }
  std::string names;
  for (const Candidate& candidate : kCandidates) {
    names += names.empty() ? candidate.name : std::string(", ") + candidate.name;
  }
  throw InvalidArgument(fmt::format("[conv2d] LAMINA_CONV2D_PLAN={} names no algorithm", text),
                        "it is one of " + names);
}

}  // namespace

Conv2dPlan plan_conv2d(const Conv2dProblem& problem, const CpuFeatures& features, int threads) {
  const std::optional<Conv2dAlgo> forced = forced_algo();
  if (forced && may_run(*forced, problem, features)) {
    return plan_conv2d_as(*forced, problem, features, threads);
  }
  Conv2dAlgo best = Conv2dAlgo::reference;
  double least = std::numeric_limits<double>::infinity();
  for (const Candidate& candidate : kCandidates) {
    if (!may_run(candidate.algo, problem, features)) continue;
    if (!may_choose(candidate.algo, problem, features)) continue;
    const double estimate = cost(candidate.algo, problem, features.isa);
    if (estimate >= least) continue;
    least = estimate;
    best = candidate.algo;
  }
  return plan_conv2d_as(best, problem, features, threads);
}

Conv2dPlan plan_conv2d_as(Conv2dAlgo algo, const Conv2dProblem& problem,
                          const CpuFeatures& features, int threads) {
  LAMINA_REQUIRE(is_legal(algo, problem), "[conv2d] {} cannot run a {}x{} kernel", name_of(algo),
                 problem.kh, problem.kw);
  Conv2dPlan plan{
      .algo = algo, .workspace_bytes = Conv2dStaging(problem, algo).bytes(), .threads = threads};
  // A vector multiplication is a multiply-add, two operations, of every lane.
  plan.expected_flops =
      2 * cost(algo, problem, features.isa) * cpu::winograd_tile(features.isa).lanes;
  if (algo == Conv2dAlgo::reference) {
    plan.packed_weight_bytes = problem.c_out * (problem.c_in / problem.groups) * problem.kh *
                               problem.kw * static_cast<std::int64_t>(sizeof(float));
    return plan;
  }
  if (algo == Conv2dAlgo::amx_bf16) {
    plan.isa = features.isa;
    plan.block_m = static_cast<int>(cpu::kAmxRows * cpu::kAmxPixels);
    plan.block_n = static_cast<int>(cpu::kAmxPanel);
    plan.packed_weight_bytes = cpu::amx_packed_bytes(problem);
    plan.workspace_bytes += cpu::amx_workspace_bytes(problem);
    return plan;
  }
  plan.isa = std::min(features.isa, Isa::avx512);  // the tile units are of no use in float
  plan.vnni = is_fixed_point(algo) && features.vnni();
  if (algo == Conv2dAlgo::indirect_gemm) {
    const cpu::RegisterTile tile = cpu::indirect_gemm_tile(plan.isa);
    plan.block_m = tile.block_m;
    plan.block_n = block_n_for(tile, problem);
    plan.packed_weight_bytes = cpu::indirect_gemm_packed_bytes(problem, plan.block_n);
    plan.workspace_bytes += cpu::indirect_gemm_workspace_bytes(problem);
    return plan;
  }
  const cpu::RegisterTile tile = cpu::winograd_tile(plan.isa);
  plan.block_m = tile.block_m;
  plan.block_n = tile.block_n;
  plan.packed_weight_bytes = cpu::winograd_packed_bytes(problem, algo, tile);
  plan.workspace_bytes += cpu::winograd_workspace_bytes(problem, algo, tile, threads);
  return plan;
}

std::string to_string(const Conv2dPlan& plan) {
  if (plan.algo == Conv2dAlgo::reference) return name_of(plan.algo);
  return fmt::format("{} {}{} {}x{}", name_of(plan.algo), lamina::to_string(plan.isa),
                     plan.vnni ? " vnni" : "", plan.block_m, plan.block_n);
}

}  // namespace lamina::kernels
