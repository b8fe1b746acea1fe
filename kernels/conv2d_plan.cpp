#include "kernels/conv2d.h"

namespace lamina::kernels {

Conv2dPlan plan_conv2d(const Conv2dProblem& problem, const CpuFeatures& features, int threads) {
  return plan_conv2d_as(Conv2dAlgo::reference, problem, features, threads);
}

Conv2dPlan plan_conv2d_as(Conv2dAlgo, const Conv2dProblem& problem, const CpuFeatures&, int) {
  Conv2dPlan plan;
  plan.packed_weight_bytes = problem.c_out * (problem.c_in / problem.groups) * problem.kh *
                             problem.kw * static_cast<std::int64_t>(sizeof(float));
  return plan;
}

std::string to_string(const Conv2dPlan&) { return "reference"; }

}  // namespace lamina::kernels
