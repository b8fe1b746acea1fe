#include "kernels/dropout_random.h"
#include "kernels/reference/reference.h"
#include "kernels/strides.h"

#include <cmath>

namespace lamina::kernels::reference {
void relu(const float* input, float* output, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) output[i] = input[i] < 0 ? 0 : input[i];
}

void batch_norm(const BatchNormProblem& problem, const BatchNormArgs& args) {
  const Strides at = strides_of(problem.layout, problem.c, problem.spatial, 1);
  for (std::int64_t b = 0; b < problem.n; ++b) {
    for (std::int64_t c = 0; c < problem.c; ++c) {
      const double deviation = std::sqrt(static_cast<double>(args.running_var[c]) + problem.eps);
      const double weight = args.weight != nullptr ? args.weight[c] : 1;
      const double bias = args.bias != nullptr ? args.bias[c] : 0;
      for (std::int64_t i = 0; i < problem.spatial; ++i) {
        const std::int64_t index = at.at(b, c, i, 0);
        const double centred = static_cast<double>(args.input[index]) - args.running_mean[c];
        args.output[index] = static_cast<float>(centred / deviation * weight + bias);
      }
    }
  }
}

void dropout(const float* input, float* output, std::int64_t begin, std::int64_t end, float p,
             std::uint64_t seed) {
  const std::uint64_t mixed_seed = mix_bits(seed);
  const float scale = dropout_scale(p);
  for (std::int64_t i = begin; i < end; ++i) {
    output[i] = is_dropped(mixed_seed, i, p) ? 0 : input[i] * scale;
  }
}

void convert_layout(Layout from, Layout to, std::int64_t n, std::int64_t c, std::int64_t spatial,
                    const float* input, float* output) {
  const Strides in = strides_of(from, c, spatial, 1), out = strides_of(to, c, spatial, 1);
  for (std::int64_t b = 0; b < n; ++b) {
    for (std::int64_t channel = 0; channel < c; ++channel) {
      for (std::int64_t i = 0; i < spatial; ++i) {
        output[out.at(b, channel, i, 0)] = input[in.at(b, channel, i, 0)];
      }
    }
  }
}

}  // namespace lamina::kernels::reference
