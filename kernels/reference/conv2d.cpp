#include "kernels/reference/reference.h"
#include "kernels/strides.h"

#include <algorithm>
#include <vector>

namespace lamina::kernels::reference {
namespace {

// Outputs [begin, end) of a row whose tap at column offset `shift` lies inside [0, size).
struct Inside {
  std::int64_t begin, end;
};

Inside outputs_inside(std::int64_t shift, std::int64_t stride, std::int64_t size,
                      std::int64_t outputs) {
  const std::int64_t begin = shift < 0 ? (-shift + stride - 1) / stride : 0;
  const std::int64_t end = size > shift ? (size - shift + stride - 1) / stride : 0;
  return {begin, std::min(end, outputs)};
}

// sums[x] for the outputs of row y of channel k: over the input channels of its group, then over
// rows and columns of the taps, each sum in that order.
void convolve_row(const Conv2dProblem& p, const Strides& in, const float* input,
                  const float* weight, std::int64_t b, std::int64_t k, std::int64_t y,
                  std::vector<double>& sums) {
  const std::int64_t group_c_in = p.c_in / p.groups;
  const std::int64_t c_begin = k / (p.c_out / p.groups) * group_c_in;
  std::fill(sums.begin(), sums.end(), 0.0);
  for (std::int64_t c = 0; c < group_c_in; ++c) {
    for (std::int64_t r = 0; r < p.kh; ++r) {
      const std::int64_t iy = y * p.stride_h - p.pad_h + r * p.dilation_h;
      if (iy < 0 || iy >= p.h) continue;
      const float* const row = input + in.at(b, c_begin + c, iy, 0);
      for (std::int64_t s = 0; s < p.kw; ++s) {
        const double w = weight[((k * group_c_in + c) * p.kh + r) * p.kw + s];
        const std::int64_t shift = s * p.dilation_w - p.pad_w;
        const Inside inside = outputs_inside(shift, p.stride_w, p.w, p.ow());
        for (std::int64_t x = inside.begin; x < inside.end; ++x) {
          sums[static_cast<std::size_t>(x)] += double{row[(x * p.stride_w + shift) * in.w]} * w;
        }
      }
    }
  }
}

}  // namespace

void conv2d(const Conv2dProblem& problem, const float* input, const float* weight,
            const float* bias, float* output) {
  const std::int64_t oh = problem.oh(), ow = problem.ow();
  const Strides in = strides_of(problem.layout, problem.c_in, problem.h, problem.w);
  const Strides out = strides_of(problem.layout, problem.c_out, oh, ow);
  std::vector<double> sums(static_cast<std::size_t>(ow));
  for (std::int64_t b = 0; b < problem.n; ++b) {
    for (std::int64_t k = 0; k < problem.c_out; ++k) {
      for (std::int64_t y = 0; y < oh; ++y) {
        convolve_row(problem, in, input, weight, b, k, y, sums);
        for (std::int64_t x = 0; x < ow; ++x) {
          double sum = sums[static_cast<std::size_t>(x)];
          if (bias != nullptr) sum += bias[k];
          if (problem.relu && sum < 0) sum = 0;
          output[out.at(b, k, y, x)] = static_cast<float>(sum);
        }
      }
    }
  }
}

}  // namespace lamina::kernels::reference
