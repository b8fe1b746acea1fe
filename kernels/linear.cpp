#include "kernels/linear.h"

#include "kernels/cpu/linear_stream.h"
#include "kernels/reference/reference.h"

namespace lamina::kernels {

LinearPlan plan_linear(const LinearProblem&, const CpuFeatures& features) {
  return {.isa = features.isa, .reference = false};
}

void linear_forward(const LinearProblem& problem, const LinearPlan& plan, const LinearArgs& args,
                    Exec exec) {
  if (plan.reference) return reference::linear(problem, args);
  cpu::linear_stream(problem, plan.isa, args, exec);
}

}  // namespace lamina::kernels
