#include "kernels/gradients.h"

#include "kernels/pool_window.h"
#include "kernels/reference/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace lamina::kernels::reference {
namespace {

// Calls add(plane, out) for each output element: it adds dy[out] into a plane of sums. The sums
// become dx when the plane is done.
template <typename Problem, typename Add>
void scatter_planes(const Problem& p, std::int64_t oh, std::int64_t ow, float* dx, Add&& add) {
  std::vector<double> sums(static_cast<std::size_t>(p.h * p.w));
  for (std::int64_t plane = 0; plane < p.n * p.c; ++plane) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::int64_t y = 0; y < oh; ++y) {
      for (std::int64_t x = 0; x < ow; ++x) add(sums.data(), plane, y, x);
    }
    std::transform(sums.begin(), sums.end(), dx + plane * p.h * p.w,
                   [](double sum) { return static_cast<float>(sum); });
  }
}

void share_out(const WindowSpan& rows, const WindowSpan& cols, std::int64_t w, double share,
               double* sums) {
  for (std::int64_t i = 0; i < rows.count; ++i) {
    for (std::int64_t j = 0; j < cols.count; ++j) {
      sums[(rows.begin + i) * w + cols.begin + j] += share;
    }
  }
}

// Where in its plane the largest of a window lies; -1 for a window of padding alone.
std::int64_t index_of_largest(const Pool2dProblem& p, const float* plane, std::int64_t y,
                              std::int64_t x) {
  const WindowSpan rows = max_window_rows(p, y), cols = max_window_cols(p, x);
  float largest = -std::numeric_limits<float>::infinity();
  std::int64_t found = -1;
  for (std::int64_t i = 0; i < rows.count; ++i) {
    for (std::int64_t j = 0; j < cols.count; ++j) {
      const std::int64_t at = (rows.begin + i * rows.step) * p.w + cols.begin + j * cols.step;
      if (found >= 0 && !(plane[at] > largest) && !std::isnan(plane[at])) continue;
      largest = plane[at];
      found = at;
    }
  }
  return found;
}

}  // namespace

void linear_gradient(const LinearProblem& p, const float* dy, const float* weight, float* dx) {
  for (std::int64_t b = 0; b < p.n; ++b) {
    for (std::int64_t i = 0; i < p.in_features; ++i) {
      double sum = 0;
      for (std::int64_t o = 0; o < p.out_features; ++o) {
        const float factor = dy[b * p.out_features + o];
        if (factor != 0) sum += static_cast<double>(factor) * weight[o * p.in_features + i];
      }
      dx[b * p.in_features + i] = static_cast<float>(sum);
    }
  }
}

void max_pool2d_gradient(const Pool2dProblem& p, const float* input, const float* dy, float* dx) {
  const std::int64_t oh = p.oh(), ow = p.ow();
  scatter_planes(p, oh, ow, dx,
                 [&](double* sums, std::int64_t plane, std::int64_t y, std::int64_t x) {
                   const std::int64_t at = index_of_largest(p, input + plane * p.h * p.w, y, x);
                   if (at >= 0) sums[at] += dy[(plane * oh + y) * ow + x];
                 });
}

void avg_pool2d_gradient(const Pool2dProblem& p, const float* dy, float* dx) {
  const std::int64_t oh = p.oh(), ow = p.ow();
  scatter_planes(p, oh, ow, dx,
                 [&](double* sums, std::int64_t plane, std::int64_t y, std::int64_t x) {
                   const WindowSpan rows = avg_window_rows(p, y), cols = avg_window_cols(p, x);
                   if (rows.count * cols.count == 0) return;
                   const auto divisor = static_cast<double>(avg_divisor(p, rows, cols));
                   share_out(rows, cols, p.w, dy[(plane * oh + y) * ow + x] / divisor, sums);
                 });
}

void adaptive_avg_pool2d_gradient(const AdaptivePool2dProblem& p, const float* dy, float* dx) {
  scatter_planes(p, p.oh, p.ow, dx,
                 [&](double* sums, std::int64_t plane, std::int64_t y, std::int64_t x) {
                   const WindowSpan rows = adaptive_window(y, p.h, p.oh);
                   const WindowSpan cols = adaptive_window(x, p.w, p.ow);
                   const auto divisor = static_cast<double>(rows.count * cols.count);
                   share_out(rows, cols, p.w, dy[(plane * p.oh + y) * p.ow + x] / divisor, sums);
                 });
}

void conv2d_gradient(const Conv2dProblem& p, const float* dy, const float* weight, float* dx) {
  const std::int64_t oh = p.oh(), ow = p.ow();
  const std::int64_t group_in = p.c_in / p.groups, group_out = p.c_out / p.groups;
  std::vector<double> sums(static_cast<std::size_t>(p.h * p.w));
  for (std::int64_t plane = 0; plane < p.n * p.c_in; ++plane) {
    const std::int64_t b = plane / p.c_in, c = plane % p.c_in;
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::int64_t k = c / group_in * group_out; k < (c / group_in + 1) * group_out; ++k) {
      const float* from = dy + (b * p.c_out + k) * oh * ow;
      const float* taps = weight + (k * group_in + c % group_in) * p.kh * p.kw;
      for (std::int64_t tap = 0; tap < p.kh * p.kw; ++tap) {
        for (std::int64_t y = 0; y < oh; ++y) {
          const std::int64_t i = y * p.stride_h - p.pad_h + tap / p.kw * p.dilation_h;
          if (i < 0 || i >= p.h) continue;
          for (std::int64_t x = 0; x < ow; ++x) {
            const std::int64_t j = x * p.stride_w - p.pad_w + tap % p.kw * p.dilation_w;
            if (j < 0 || j >= p.w) continue;
            sums[static_cast<std::size_t>(i * p.w + j)] +=
                static_cast<double>(from[y * ow + x]) * taps[tap];
          }
        }
      }
    }
    std::transform(sums.begin(), sums.end(), dx + plane * p.h * p.w,
                   [](double sum) { return static_cast<float>(sum); });
  }
}

}  // namespace lamina::kernels::reference
