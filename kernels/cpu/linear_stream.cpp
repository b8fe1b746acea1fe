#include "kernels/cpu/linear_stream.h"

#include "core/checked_math.h"
#include "core/parallel.h"
#include "kernels/cpu/flush_denormals.h"

#include <algorithm>

namespace lamina::kernels::cpu {

void linear_stream(const LinearProblem& problem, Isa isa, const LinearArgs& args, Exec exec) {
  // Rows of one range: whole groups of the kernel, and at least a quarter of a megabyte of weights,
  // which takes some ten microseconds.
  constexpr std::int64_t kGroupRows = 16, kFloats = 64 * 1024;
  const std::int64_t rows =
      round_up(ceil_div(kFloats, std::max<std::int64_t>(problem.in_features, 1)), kGroupRows);
  LinearKernel* const kernel = linear_kernel(isa);
  parallel_for(exec.threads, problem.out_features, rows, [&](std::int64_t begin, std::int64_t end) {
    const FlushDenormals flush;
    kernel(problem, args, begin, end);
  });
}

}  // namespace lamina::kernels::cpu
