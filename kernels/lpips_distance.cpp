#include "kernels/lpips_distance.h"

#include "core/checked_math.h"
#include "core/parallel.h"
#include "kernels/cpu/lpips_distance.h"
#include "kernels/grain.h"

namespace lamina::kernels {
namespace {

// Ranges end where the widest vectors do, so that only the last one has pixels left over.
constexpr std::int64_t kWidestVector = 16;

}  // namespace

void lpips_distance_forward(const LpipsDistanceProblem& problem, const LpipsDistanceArgs& args,
                            Exec exec) {
  const auto kernel = cpu::lpips_distance_kernel(usable_cpu_features().isa);
  const std::int64_t grain = round_up(units_of_range(2 * problem.c), kWidestVector);
  parallel_for(exec.threads, problem.spatial, grain, [&](std::int64_t begin, std::int64_t end) {
    kernel({.a = args.a + begin,
            .b = args.b + begin,
            .weight = args.weight,
            .c = problem.c,
            .stride = problem.spatial,
            .eps = problem.eps},
           end - begin, args.output + begin);
  });
}

}  // namespace lamina::kernels
