#include "kernels/elementwise.h"

#include "core/parallel.h"
#include "kernels/reference/reference.h"

namespace lamina::kernels {
namespace {

// Elements of one range: a quarter of a megabyte, so that handing it out costs nothing beside it.
constexpr std::int64_t kGrain = 64 * 1024;

}  // namespace

void relu_forward(const float* input, float* output, std::int64_t count, Exec exec) {
  parallel_for(exec.threads, count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    reference::relu(input + begin, output + begin, end - begin);
  });
}

void batch_norm_forward(const BatchNormProblem& problem, const BatchNormArgs& args, Exec) {
  reference::batch_norm(problem, args);
}

void dropout_forward(const float* input, float* output, std::int64_t count, float p,
                     std::uint64_t seed, Exec exec) {
  parallel_for(exec.threads, count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    reference::dropout(input, output, begin, end, p, seed);
  });
}

void convert_layout(Layout from, Layout to, std::int64_t n, std::int64_t c, std::int64_t spatial,
                    const float* input, float* output, Exec) {
  reference::convert_layout(from, to, n, c, spatial, input, output);
}

}  // namespace lamina::kernels
