#include "kernels/elementwise.h"

#include "core/parallel.h"
#include "kernels/cpu/elementwise.h"
#include "kernels/grain.h"
#include "kernels/reference/reference.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace lamina::kernels {
namespace {

cpu::Affine affine_of(const BatchNormProblem& problem, const BatchNormArgs& args, std::int64_t c) {
  const double weight = args.weight != nullptr ? args.weight[c] : 1;
  const double variance = static_cast<double>(args.running_var[c]) + problem.eps;
  return {.mean = args.running_mean[c],
          .scale = static_cast<float>(weight / std::sqrt(variance)),
          .bias = args.bias != nullptr ? args.bias[c] : 0};
}

void normalise_planes(const BatchNormProblem& problem, const BatchNormArgs& args, Exec exec) {
  const auto kernel = cpu::normalise_plane_kernel(usable_cpu_features().isa);
  const auto normalise = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const std::int64_t offset = plane * problem.spatial;
      kernel(args.input + offset, args.output + offset, problem.spatial,
             affine_of(problem, args, plane % problem.c));
    }
  };
  parallel_for(exec.threads, problem.n * problem.c, units_of_range(problem.spatial), normalise);
}

void normalise_pixels(const BatchNormProblem& problem, const BatchNormArgs& args, Exec exec) {
  const auto kernel = cpu::normalise_channels_kernel(usable_cpu_features().isa);
  // Each range works out its channels' factors anew, a few at a time on the stack: that costs
  // little beside its pixels, and there is no memory to allocate.
  constexpr std::int64_t kChannels = 256;
  const auto normalise = [&](std::int64_t begin, std::int64_t end) {
    std::array<float, kChannels> mean, scale, bias;
    for (std::int64_t first = 0; first < problem.c; first += kChannels) {
      const std::int64_t count = std::min(problem.c - first, kChannels);
      for (std::int64_t i = 0; i < count; ++i) {
        const cpu::Affine channel = affine_of(problem, args, first + i);
        const auto at = static_cast<std::size_t>(i);
        mean[at] = channel.mean;
        scale[at] = channel.scale;
        bias[at] = channel.bias;
      }
      const std::int64_t offset = begin * problem.c + first;
      kernel(args.input + offset, args.output + offset, end - begin, count, problem.c,
             {.mean = mean.data(), .scale = scale.data(), .bias = bias.data()});
    }
  };
  parallel_for(exec.threads, problem.n * problem.spatial, units_of_range(problem.c), normalise);
}

}  // namespace

void relu_forward(const float* input, float* output, std::int64_t count, Exec exec) {
  const auto kernel = cpu::relu_kernel(usable_cpu_features().isa);
  parallel_for(exec.threads, count, kGrainFloats, [&](std::int64_t begin, std::int64_t end) {
    kernel(input + begin, output + begin, end - begin);
  });
}

void batch_norm_forward(const BatchNormProblem& problem, const BatchNormArgs& args, Exec exec) {
  // With one element a plane the two layouts are the same, and channels are what there is to
  // vectorise over.
  const bool by_pixel = problem.layout == Layout::nhwc || problem.spatial == 1;
  by_pixel ? normalise_pixels(problem, args, exec) : normalise_planes(problem, args, exec);
}

void dropout_forward(const float* input, float* output, std::int64_t count, float p,
                     std::uint64_t seed, Exec exec) {
  parallel_for(exec.threads, count, kGrainFloats, [&](std::int64_t begin, std::int64_t end) {
    reference::dropout(input, output, begin, end, p, seed);
  });
}

void convert_layout(Layout from, Layout to, std::int64_t n, std::int64_t c, std::int64_t spatial,
                    const float* input, float* output, Exec exec) {
  if (from == to) {
    std::copy_n(input, n * c * spatial, output);
    return;
  }
  const std::int64_t rows = from == Layout::nchw ? c : spatial;
  const std::int64_t columns = from == Layout::nchw ? spatial : c;
  for (std::int64_t b = 0; b < n; ++b) {
    const std::int64_t offset = b * c * spatial;
    cpu::transpose(rows, columns, input + offset, output + offset, exec);
  }
}

}  // namespace lamina::kernels
