#include "kernels/reference/reference.h"

namespace lamina::kernels::reference {

void linear(const LinearProblem& problem, const LinearArgs& args) {
  for (std::int64_t b = 0; b < problem.n; ++b) {
    const float* row = args.input + b * problem.in_features;
    for (std::int64_t o = 0; o < problem.out_features; ++o) {
      const float* weight = static_cast<const float*>(args.weight) + o * problem.in_features;
      double sum = 0;
      for (std::int64_t i = 0; i < problem.in_features; ++i) {
        sum += static_cast<double>(row[i]) * weight[i];
      }
      if (args.bias != nullptr) sum += args.bias[o];
      if (problem.relu && sum < 0) sum = 0;
      args.output[b * problem.out_features + o] = static_cast<float>(sum);
    }
  }
}

}  // namespace lamina::kernels::reference
