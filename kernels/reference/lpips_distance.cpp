#include "kernels/reference/reference.h"

#include <cmath>

namespace lamina::kernels::reference {
namespace {

double norm_of_pixel(const LpipsDistanceProblem& problem, const float* map, std::int64_t pixel) {
  double sum = 0;
  for (std::int64_t c = 0; c < problem.c; ++c) {
    const double value = map[c * problem.spatial + pixel];
    sum += value * value;
  }
  return std::sqrt(sum) + static_cast<double>(problem.eps);
}

}  // namespace

void lpips_distance(const LpipsDistanceProblem& problem, const LpipsDistanceArgs& args) {
  for (std::int64_t pixel = 0; pixel < problem.spatial; ++pixel) {
    const double norm_a = norm_of_pixel(problem, args.a, pixel);
    const double norm_b = norm_of_pixel(problem, args.b, pixel);
    double sum = 0;
    for (std::int64_t c = 0; c < problem.c; ++c) {
      const std::int64_t at = c * problem.spatial + pixel;
      const double difference = args.a[at] / norm_a - args.b[at] / norm_b;
      sum += args.weight[c] * difference * difference;
    }
    args.output[pixel] = static_cast<float>(sum);
  }
}

}  // namespace lamina::kernels::reference
