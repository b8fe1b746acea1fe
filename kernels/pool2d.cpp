#include "kernels/pool2d.h"

#include "core/parallel.h"
#include "kernels/cpu/pool2d.h"
#include "kernels/grain.h"
#include "kernels/pool_window.h"
#include "kernels/reference/reference.h"

#include <algorithm>

namespace lamina::kernels {
namespace {

// NHWC: calls pool(window, y, x, output) for each output pixel, threads taking rows of the output.
template <typename Problem, typename Rows, typename Cols, typename Pool>
void for_each_window(const Problem& p, std::int64_t oh, std::int64_t ow, const float* input,
                     float* output, Exec exec, Rows&& rows_of, Cols&& cols_of, Pool&& pool) {
  const std::int64_t row_floats =
      p.w * p.c * std::max<std::int64_t>(p.h / std::max<std::int64_t>(oh, 1), 1);
  parallel_for(exec.threads, p.n * oh, units_of_range(row_floats),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t index = begin; index < end; ++index) {
                   const float* image = input + index / oh * p.h * p.w * p.c;
                   const WindowSpan rows = rows_of(index % oh);
                   for (std::int64_t x = 0; x < ow; ++x) {
                     const WindowSpan cols = cols_of(x);
                     const bool empty = rows.count == 0 || cols.count == 0;
                     pool({.first = empty ? image : image + (rows.begin * p.w + cols.begin) * p.c,
                           .rows = empty ? 0 : rows.count,
                           .cols = cols.count,
                           .row_step = rows.step * p.w * p.c,
                           .col_step = cols.step * p.c,
                           .c = p.c},
                          rows, cols, output + (index * ow + x) * p.c);
                   }
                 }
               });
}

// NCHW: planes are independent problems; pool(problem of some planes, input, output).
template <typename Problem, typename Pool>
void for_each_plane(const Problem& problem, std::int64_t output_floats, const float* input,
                    float* output, Exec exec, Pool&& pool) {
  const std::int64_t floats = problem.h * problem.w;
  parallel_for(exec.threads, problem.n * problem.c, units_of_range(floats),
               [&](std::int64_t begin, std::int64_t end) {
                 Problem planes = problem;
                 planes.n = 1;
                 planes.c = end - begin;
                 pool(planes, input + begin * floats, output + begin * output_floats);
               });
}

bool is_2x2(const Pool2dProblem& p) {
  return p.kh == 2 && p.kw == 2 && p.stride_h == 2 && p.stride_w == 2 && p.pad_h == 0 &&
         p.pad_w == 0 && p.dilation_h == 1 && p.dilation_w == 1 && 2 * p.oh() <= p.h &&
         2 * p.ow() <= p.w;
}

void max_2x2_planes(const Pool2dProblem& planes, Isa isa, const float* input, float* output) {
  const auto kernel = cpu::max_2x2_kernel(isa);
  const std::int64_t oh = planes.oh(), ow = planes.ow();
  for (std::int64_t c = 0; c < planes.c; ++c) {
    for (std::int64_t y = 0; y < oh; ++y) {
      const float* top = input + (c * planes.h + 2 * y) * planes.w;
      kernel(top, top + planes.w, ow, output + (c * oh + y) * ow);
    }
  }
}

}  // namespace

void max_pool2d_forward(const Pool2dProblem& problem, const float* input, float* output,
                        Exec exec) {
  const std::int64_t oh = problem.oh(), ow = problem.ow();
  const Isa isa = usable_cpu_features().isa;
  if (problem.layout == Layout::nhwc) {
    const auto kernel = cpu::max_window_kernel(isa);
    for_each_window(
        problem, oh, ow, input, output, exec,
        [&](std::int64_t y) { return max_window_rows(problem, y); },
        [&](std::int64_t x) { return max_window_cols(problem, x); },
        [&](const cpu::PoolWindow& window, const WindowSpan&, const WindowSpan&, float* target) {
          kernel(window, target);
        });
    return;
  }
  const bool fast = is_2x2(problem);
  const auto pool = [&](const Pool2dProblem& planes, const float* from, float* to) {
    fast ? max_2x2_planes(planes, isa, from, to) : reference::max_pool2d(planes, from, to);
  };
  for_each_plane(problem, oh * ow, input, output, exec, pool);
}

void avg_pool2d_forward(const Pool2dProblem& problem, const float* input, float* output,
                        Exec exec) {
  const std::int64_t oh = problem.oh(), ow = problem.ow();
  if (problem.layout == Layout::nchw) {
    return for_each_plane(problem, oh * ow, input, output, exec, reference::avg_pool2d);
  }
  const auto kernel = cpu::average_window_kernel(usable_cpu_features().isa);
  for_each_window(
      problem, oh, ow, input, output, exec,
      [&](std::int64_t y) { return avg_window_rows(problem, y); },
      [&](std::int64_t x) { return avg_window_cols(problem, x); },
      [&](const cpu::PoolWindow& window, const WindowSpan& rows, const WindowSpan& cols,
          float* target) {
        const std::int64_t divisor = avg_divisor(problem, rows, cols);
        kernel(window, window.rows == 0 ? 1 : static_cast<float>(divisor), target);
      });
}

void adaptive_avg_pool2d_forward(const AdaptivePool2dProblem& problem, const float* input,
                                 float* output, Exec exec) {
  if (problem.h == problem.oh && problem.w == problem.ow) {
    std::copy_n(input, problem.n * problem.c * problem.h * problem.w, output);
    return;
  }
  if (problem.layout == Layout::nchw) {
    return for_each_plane(problem, problem.oh * problem.ow, input, output, exec,
                          reference::adaptive_avg_pool2d);
  }
  const auto kernel = cpu::average_window_kernel(usable_cpu_features().isa);
  for_each_window(
      problem, problem.oh, problem.ow, input, output, exec,
      [&](std::int64_t y) { return adaptive_window(y, problem.h, problem.oh); },
      [&](std::int64_t x) { return adaptive_window(x, problem.w, problem.ow); },
      [&](const cpu::PoolWindow& window, const WindowSpan& rows, const WindowSpan& cols,
          float* target) { kernel(window, static_cast<float>(rows.count * cols.count), target); });
}

}  // namespace lamina::kernels
