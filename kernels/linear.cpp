#include "kernels/linear.h"

#include "core/parallel.h"
#include "core/require.h"
#include "kernels/cpu/linear_stream.h"
#include "kernels/cpu/narrow.h"
#include "kernels/grain.h"
#include "kernels/reference/reference.h"

#include <algorithm>

namespace lamina::kernels {

LinearPlan plan_linear(const LinearProblem&, const CpuFeatures& features) {
  return {.isa = std::min(features.isa, Isa::avx512), .reference = false};
}

void pack_linear_weight(const LinearProblem& problem, const LinearPlan& plan, const float* weight,
                        std::int64_t row_begin, std::int64_t row_end, void* packed, float* scale,
                        Exec exec) {
  LAMINA_REQUIRE(problem.stored != LinearWeight::f32, "[linear] float32 is not packed");
  const cpu::NarrowKernels& kernels = cpu::narrow_kernels(plan.isa);
  const std::int64_t count = problem.in_features;
  parallel_for(exec.threads, row_end - row_begin, units_of_range(count),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = row_begin + begin; row < row_begin + end; ++row) {
                   const float* from = weight + row * count;
                   if (problem.stored == LinearWeight::bf16) {
                     kernels.to_bf16(from, count,
                                     static_cast<std::uint16_t*>(packed) + row * count);
                   } else {
                     auto* to = static_cast<std::int8_t*>(packed) + row * count;
                     scale[row] = kernels.to_s8(from, count, to);
                   }
                 }
               });
}

void linear_forward(const LinearProblem& problem, const LinearPlan& plan, const LinearArgs& args,
                    Exec exec) {
  if (plan.reference) {
    LAMINA_REQUIRE(problem.stored == LinearWeight::f32, "[linear] the reference takes float32");
    return reference::linear(problem, args);
  }
  cpu::linear_stream(problem, plan.isa, args, exec);
}

}  // namespace lamina::kernels
