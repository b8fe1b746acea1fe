#include "kernels/linear.h"

#include "kernels/reference/reference.h"

namespace lamina::kernels {

LinearPlan plan_linear(const LinearProblem&, const CpuFeatures& features) {
  return {.isa = features.isa, .reference = true};
}

void linear_forward(const LinearProblem& problem, const LinearPlan&, const LinearArgs& args, Exec) {
  reference::linear(problem, args);
}

}  // namespace lamina::kernels
