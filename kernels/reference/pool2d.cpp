#include "kernels/pool_window.h"
#include "kernels/reference/reference.h"
#include "kernels/strides.h"

#include <cmath>
#include <limits>

namespace lamina::kernels::reference {
namespace {

// Calls f(plane, out) for each output element: `plane` points to its image and channel.
template <typename Problem, typename F>
void for_each_output(const Problem& p, std::int64_t oh, std::int64_t ow, const float* input,
                     float* output, F&& f) {
  const Strides in = strides_of(p.layout, p.c, p.h, p.w);
  const Strides out = strides_of(p.layout, p.c, oh, ow);
  for (std::int64_t b = 0; b < p.n; ++b) {
    for (std::int64_t c = 0; c < p.c; ++c) {
      const float* plane = input + in.at(b, c, 0, 0);
      for (std::int64_t y = 0; y < oh; ++y) {
        for (std::int64_t x = 0; x < ow; ++x) {
          output[out.at(b, c, y, x)] = f(plane, in, y, x);
        }
      }
    }
  }
}

double sum_window(const float* plane, const Strides& in, const WindowSpan& rows,
                  const WindowSpan& cols) {
  double sum = 0;
  for (std::int64_t i = 0; i < rows.count; ++i) {
    for (std::int64_t j = 0; j < cols.count; ++j) {
      sum += plane[(rows.begin + i) * in.h + (cols.begin + j) * in.w];
    }
  }
  return sum;
}

}  // namespace

void max_pool2d(const Pool2dProblem& problem, const float* input, float* output) {
  const auto largest = [&](const float* plane, const Strides& in, std::int64_t y, std::int64_t x) {
    const WindowSpan rows = max_window_rows(problem, y), cols = max_window_cols(problem, x);
    float result = -std::numeric_limits<float>::infinity();
    for (std::int64_t i = 0; i < rows.count; ++i) {
      for (std::int64_t j = 0; j < cols.count; ++j) {
        const std::int64_t iy = rows.begin + i * rows.step, ix = cols.begin + j * cols.step;
        const float value = plane[iy * in.h + ix * in.w];
        if (value > result || std::isnan(value)) result = value;
      }
    }
    return result;
  };
  for_each_output(problem, problem.oh(), problem.ow(), input, output, largest);
}

void avg_pool2d(const Pool2dProblem& problem, const float* input, float* output) {
  const auto average = [&](const float* plane, const Strides& in, std::int64_t y, std::int64_t x) {
    const WindowSpan rows = avg_window_rows(problem, y), cols = avg_window_cols(problem, x);
    const double divisor = static_cast<double>(avg_divisor(problem, rows, cols));
    return rows.count * cols.count == 0
               ? 0.0f
               : static_cast<float>(sum_window(plane, in, rows, cols) / divisor);
  };
  for_each_output(problem, problem.oh(), problem.ow(), input, output, average);
}

void adaptive_avg_pool2d(const AdaptivePool2dProblem& problem, const float* input, float* output) {
  const auto average = [&](const float* plane, const Strides& in, std::int64_t y, std::int64_t x) {
    const WindowSpan rows = adaptive_window(y, problem.h, problem.oh);
    const WindowSpan cols = adaptive_window(x, problem.w, problem.ow);
    const double divisor = static_cast<double>(rows.count * cols.count);
    return static_cast<float>(sum_window(plane, in, rows, cols) / divisor);
  };
  for_each_output(problem, problem.oh, problem.ow, input, output, average);
}

}  // namespace lamina::kernels::reference
