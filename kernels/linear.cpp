#include "kernels/linear.h"

#include "kernels/cpu/linear_stream.h"
#include "kernels/reference/reference.h"

#include <algorithm>

namespace lamina::kernels {

LinearPlan plan_linear(const LinearProblem&, const CpuFeatures& features) {
  return {.isa = std::min(features.isa, Isa::avx512), .reference = false};
}

void linear_forward(const LinearProblem& problem, const LinearPlan& plan, const LinearArgs& args,
                    Exec exec) {
  if (plan.reference) return reference::linear(problem, args);
  cpu::linear_stream(problem, plan.isa, args, exec);
}

}  // namespace lamina::kernels
