#include "kernels/reference/reference.h"
#include "kernels/strides.h"

namespace lamina::kernels::reference {
namespace {

// The sum over the input channels of k's group and over the taps, for one output element.
double convolve_at(const Conv2dProblem& p, const Strides& in, const float* input,
                   const float* weight, std::int64_t b, std::int64_t k, std::int64_t y,
                   std::int64_t x) {
  const std::int64_t group_c_in = p.c_in / p.groups;
  const std::int64_t c_begin = k / (p.c_out / p.groups) * group_c_in;
  double sum = 0;
  for (std::int64_t c = 0; c < group_c_in; ++c) {
    for (std::int64_t r = 0; r < p.kh; ++r) {
      const std::int64_t iy = y * p.stride_h - p.pad_h + r * p.dilation_h;
      if (iy < 0 || iy >= p.h) continue;
      for (std::int64_t s = 0; s < p.kw; ++s) {
        const std::int64_t ix = x * p.stride_w - p.pad_w + s * p.dilation_w;
        if (ix < 0 || ix >= p.w) continue;
        const float w = weight[((k * group_c_in + c) * p.kh + r) * p.kw + s];
        sum += static_cast<double>(input[in.at(b, c_begin + c, iy, ix)]) * w;
      }
    }
  }
  return sum;
}

}  // namespace

void conv2d(const Conv2dProblem& problem, const float* input, const float* weight,
            const float* bias, float* output) {
  const std::int64_t oh = problem.oh(), ow = problem.ow();
  const Strides in = strides_of(problem.layout, problem.c_in, problem.h, problem.w);
  const Strides out = strides_of(problem.layout, problem.c_out, oh, ow);
  for (std::int64_t b = 0; b < problem.n; ++b) {
    for (std::int64_t k = 0; k < problem.c_out; ++k) {
      for (std::int64_t y = 0; y < oh; ++y) {
        for (std::int64_t x = 0; x < ow; ++x) {
          double sum = convolve_at(problem, in, input, weight, b, k, y, x);
          if (bias != nullptr) sum += bias[k];
          if (problem.relu && sum < 0) sum = 0;
          output[out.at(b, k, y, x)] = static_cast<float>(sum);
        }
      }
    }
  }
}

}  // namespace lamina::kernels::reference
