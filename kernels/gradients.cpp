#include "kernels/gradients.h"

#include "core/parallel.h"
#include "kernels/grain.h"
#include "kernels/reference/reference.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>

namespace lamina::kernels {
namespace {

// Planes are independent problems; f(problem of some planes, the first of them).
template <typename Problem, typename F>
void for_planes(const Problem& problem, Exec exec, F&& f) {
  parallel_for(exec.threads, problem.n * problem.c, units_of_range(problem.h * problem.w),
               [&](std::int64_t begin, std::int64_t end) {
                 Problem planes = problem;
                 planes.n = 1;
                 planes.c = end - begin;
                 f(planes, begin);
               });
}

// The convolution of dy that gives dx, where there is one.
bool is_convolution(const Conv2dProblem& p) {
  return p.groups == 1 && p.stride_h == 1 && p.stride_w == 1 &&
         p.pad_h <= p.dilation_h * (p.kh - 1) && p.pad_w <= p.dilation_w * (p.kw - 1);
}

Conv2dProblem turned_problem(const Conv2dProblem& p) {
  return {.n = p.n,
          .c_in = p.c_out,
          .h = p.oh(),
          .w = p.ow(),
          .c_out = p.c_in,
          .kh = p.kh,
          .kw = p.kw,
          .pad_h = p.dilation_h * (p.kh - 1) - p.pad_h,
          .pad_w = p.dilation_w * (p.kw - 1) - p.pad_w,
          .dilation_h = p.dilation_h,
          .dilation_w = p.dilation_w};
}

// [c_out, c_in, kh, kw] to [c_in, c_out, kh, kw], each kernel turned by half a turn.
std::unique_ptr<float[]> turned_weight(const Conv2dProblem& p, const float* weight, Exec exec) {
  const std::int64_t taps = p.kh * p.kw;
  auto turned =
      std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(p.c_out * p.c_in * taps));
  parallel_for(exec.threads, p.c_in, units_of_range(p.c_out * taps),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t c = begin; c < end; ++c) {
                   for (std::int64_t k = 0; k < p.c_out; ++k) {
                     const float* from = weight + (k * p.c_in + c) * taps;
                     std::reverse_copy(from, from + taps, turned.get() + (c * p.c_out + k) * taps);
                   }
                 }
               });
  return turned;
}

struct AlignedDelete {
  void operator()(std::byte* p) const { ::operator delete (p, std::align_val_t{64}); }
};

std::unique_ptr<std::byte, AlignedDelete> aligned_bytes(std::int64_t size_bytes) {
  return std::unique_ptr<std::byte, AlignedDelete>(static_cast<std::byte*>(
      ::operator new (static_cast<std::size_t>(size_bytes), std::align_val_t{64})));
}

}  // namespace

// Threads take columns, so that no sum is shared; the columns of a range are a few pages of each
// row, which the prefetcher follows.
void linear_gradient(const LinearProblem& p, const float* dy, const float* weight, float* dx,
                     Exec exec) {
  constexpr std::int64_t kColumns = 1024;
  parallel_for(exec.threads, p.in_features, kColumns, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t count = end - begin;
    for (std::int64_t b = 0; b < p.n; ++b) {
      float* const to = dx + b * p.in_features + begin;
      std::fill_n(to, count, 0.0F);
      for (std::int64_t o = 0; o < p.out_features; ++o) {
        const float factor = dy[b * p.out_features + o];
        if (factor == 0) continue;  // half of them, behind a ReLU
        const float* const row = weight + o * p.in_features + begin;
        for (std::int64_t i = 0; i < count; ++i) to[i] += factor * row[i];
      }
    }
  });
}

void relu_gradient(const float* input, const float* dy, float* dx, std::int64_t count, Exec exec) {
  parallel_for(exec.threads, count, kGrainFloats, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) dx[i] = input[i] <= 0 ? 0.0F : dy[i];
  });
}

void batch_norm_gradient(const BatchNormProblem& p, const BatchNormArgs& args, const float* dy,
                         float* dx, Exec exec) {
  parallel_for(exec.threads, p.n * p.c, units_of_range(p.spatial),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t plane = begin; plane < end; ++plane) {
                   const std::int64_t c = plane % p.c;
                   const double weight = args.weight != nullptr ? args.weight[c] : 1;
                   const double variance = static_cast<double>(args.running_var[c]) + p.eps;
                   const auto scale = static_cast<float>(weight / std::sqrt(variance));
                   const std::int64_t first = plane * p.spatial;
                   std::transform(dy + first, dy + first + p.spatial, dx + first,
                                  [scale](float value) { return value * scale; });
                 }
               });
}

void max_pool2d_gradient(const Pool2dProblem& problem, const float* input, const float* dy,
                         float* dx, Exec exec) {
  for_planes(problem, exec, [&](const Pool2dProblem& planes, std::int64_t first) {
    const std::int64_t offset = first * problem.h * problem.w;
    reference::max_pool2d_gradient(planes, input + offset, dy + first * problem.oh() * problem.ow(),
                                   dx + offset);
  });
}

void avg_pool2d_gradient(const Pool2dProblem& problem, const float* dy, float* dx, Exec exec) {
  for_planes(problem, exec, [&](const Pool2dProblem& planes, std::int64_t first) {
    reference::avg_pool2d_gradient(planes, dy + first * problem.oh() * problem.ow(),
                                   dx + first * problem.h * problem.w);
  });
}

void adaptive_avg_pool2d_gradient(const AdaptivePool2dProblem& problem, const float* dy, float* dx,
                                  Exec exec) {
  for_planes(problem, exec, [&](const AdaptivePool2dProblem& planes, std::int64_t first) {
    reference::adaptive_avg_pool2d_gradient(planes, dy + first * problem.oh * problem.ow,
                                            dx + first * problem.h * problem.w);
  });
}

void conv2d_gradient(const Conv2dProblem& problem, const float* dy, const float* weight, float* dx,
                     Exec exec) {
  if (!is_convolution(problem)) return reference::conv2d_gradient(problem, dy, weight, dx);
  const Conv2dProblem turned = turned_problem(problem);
  const Conv2dPlan plan =
      plan_conv2d_as(Conv2dAlgo::indirect_gemm, turned, usable_cpu_features(), exec.threads);
  const auto packed = aligned_bytes(plan.packed_weight_bytes);
  const auto workspace = aligned_bytes(plan.workspace_bytes);
  pack_conv2d_weight(turned, plan, turned_weight(problem, weight, exec).get(), packed.get(), exec);
  conv2d_forward(turned, plan,
                 {.input = dy,
                  .weight = packed.get(),
                  .bias = nullptr,
                  .output = dx,
                  .workspace = workspace.get()},
                 exec);
}

}  // namespace lamina::kernels
