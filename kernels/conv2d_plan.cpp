#include "core/require.h"
#include "kernels/conv2d.h"
#include "kernels/cpu/conv2d_indirect_gemm.h"

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
constexpr std::array<Candidate, 2> kCandidates{
    {{Conv2dAlgo::reference, "reference"}, {Conv2dAlgo::indirect_gemm, "indirect_gemm"}}};

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
  }
  return false;
}

// Of a tile as wide as the machine's registers, or of one vector where that holds all channels.
int block_n_for(const cpu::RegisterTile& tile, const Conv2dProblem& problem) {
  return problem.c_out / problem.groups <= tile.lanes ? tile.lanes : tile.block_n;
}

// Estimated cost for one image, in vector multiplications; n must not enter (Conv2dPlan says why).
double cost(Conv2dAlgo algo, const Conv2dProblem& problem, Isa isa) {
  const double terms = static_cast<double>(problem.c_in / problem.groups * problem.kh * problem.kw);
  const double pixels = static_cast<double>(problem.oh() * problem.ow());
  if (algo == Conv2dAlgo::reference) {
    // A product takes about four cycles: its index is computed and checked each time.
    return 8 * terms * pixels * static_cast<double>(problem.c_out);
  }
  const cpu::RegisterTile tile = cpu::indirect_gemm_tile(isa);
  const int block_n = block_n_for(tile, problem);
  const double panels = static_cast<double>(
      problem.groups * ((problem.c_out / problem.groups + block_n - 1) / block_n));
  return terms * pixels * panels * block_n / tile.lanes;
}

std::optional<Conv2dAlgo> forced_algo() {
  const char* text = std::getenv("LAMINA_CONV2D_PLAN");
  if (text == nullptr || *text == '\0') return std::nullopt;
  for (const Candidate& candidate : kCandidates) {
    if (std::string_view(text) == candidate.name) return candidate.algo;
  }
  throw InvalidArgument(fmt::format("[conv2d] LAMINA_CONV2D_PLAN={} names no algorithm", text),
                        "it is one of reference, indirect_gemm");
}

}  // namespace

Conv2dPlan plan_conv2d(const Conv2dProblem& problem, const CpuFeatures& features, int threads) {
  const std::optional<Conv2dAlgo> forced = forced_algo();
  if (forced && is_legal(*forced, problem)) {
    return plan_conv2d_as(*forced, problem, features, threads);
  }
  Conv2dAlgo best = Conv2dAlgo::reference;
  double least = std::numeric_limits<double>::infinity();
  for (const Candidate& candidate : kCandidates) {
    if (!is_legal(candidate.algo, problem)) continue;
    const double estimate = cost(candidate.algo, problem, features.isa);
    if (estimate >= least) continue;
    least = estimate;
    best = candidate.algo;
  }
  return plan_conv2d_as(best, problem, features, threads);
}

Conv2dPlan plan_conv2d_as(Conv2dAlgo algo, const Conv2dProblem& problem,
                          const CpuFeatures& features, int) {
  LAMINA_REQUIRE(is_legal(algo, problem), "[conv2d] {} cannot run a {}x{} kernel", name_of(algo),
                 problem.kh, problem.kw);
  if (algo == Conv2dAlgo::reference) {
    return {.packed_weight_bytes = problem.c_out * (problem.c_in / problem.groups) * problem.kh *
                                   problem.kw * static_cast<std::int64_t>(sizeof(float))};
  }
  const Isa isa = std::min(features.isa, Isa::avx512);  // the tile units are of no use in float
  const cpu::RegisterTile tile = cpu::indirect_gemm_tile(isa);
  const int block_n = block_n_for(tile, problem);
  return {.algo = algo,
          .isa = isa,
          .block_m = tile.block_m,
          .block_n = block_n,
          .packed_weight_bytes = cpu::indirect_gemm_packed_bytes(problem, block_n),
          .workspace_bytes = cpu::indirect_gemm_workspace_bytes(problem)};
}

std::string to_string(const Conv2dPlan& plan) {
  if (plan.algo == Conv2dAlgo::reference) return name_of(plan.algo);
  return fmt::format("{} {} {}x{}", name_of(plan.algo), lamina::to_string(plan.isa), plan.block_m,
                     plan.block_n);
}

}  // namespace lamina::kernels
