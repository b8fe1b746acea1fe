#include "kernels/cuda/pointwise.h"

#include "kernels/cuda/element.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/dropout_random.h"

namespace lamina::kernels::cuda {
namespace {

constexpr int kThreads = 256;

// output[i] = f(input[i]), where f knows from seek() which i it starts at, and counts along. Memory
// bounds it: a thread moves 16 bytes, so that a warp's access is 512 bytes in a row, and nothing is
// read twice. In place is fine: an element is read and written by one thread, in that order.
// Requires: both pointers aligned to 16 bytes.
template <typename T, typename F>
__global__ void map_kernel(GlobalPtr<const T> input, GlobalPtr<T> output, std::int64_t count, F f) {
  wait_for_kernel_before();
  constexpr int kCount = Vector<T>::kCount;
  const std::int64_t i = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * kCount;
  f.seek(i);
  if (in_bounds(i + kCount <= count)) {
    Vector<T> vector = pointer_cast<const Vector<T>>(input + i)[0];
    for (int j = 0; j < kCount; ++j) {
      vector.elements[j] = from_float<T>(f(to_float(vector.elements[j])));
    }
    pointer_cast<Vector<T>>(output + i)[0] = vector;
    return;
  }
  for (std::int64_t j = i; in_bounds(j < count); ++j) {
    output[j] = from_float<T>(f(load_float(input, j)));
  }
}

struct Relu {
  __device__ void seek(std::int64_t) {}
  __device__ float operator()(float value) const { return value < 0 ? 0 : value; }
};

// Requires: c > 0.
struct BatchNorm {
  GlobalPtr<const float> mean, var, weight, bias;
  std::int64_t c, spatial;  // spatial: elements of a channel that lie together
  float eps;
  bool has_weight, has_bias;
  std::int64_t channel = 0, pixel = 0;  // of the next element

  // Divides once for all of a thread's elements; a division each would take longer than memory.
  __device__ void seek(std::int64_t i) {
    channel = i / spatial % c;
    pixel = i % spatial;
  }

  __device__ float operator()(float value) {
    const float centre = mean[channel], variance = var[channel];
    float result = (value - centre) / sqrtf(variance + eps);
    if (has_weight) {
      const float factor = weight[channel];
      result *= factor;
    }
    if (has_bias) {
      const float term = bias[channel];
      result += term;
    }
    advance();
    return result;
  }

  __device__ void advance() {
    if (++pixel < spatial) return;
    pixel = 0;
    if (++channel == c) channel = 0;
  }
};

struct Dropout {
  std::uint64_t mixed_seed;
  float p, scale;
  std::int64_t index = 0;  // of the next element

  __device__ void seek(std::int64_t i) { index = i; }
  __device__ float operator()(float value) {
    return is_dropped(mixed_seed, index++, p) ? 0 : value * scale;
  }
};

// Requires: c > 0.
struct Bias {
  GlobalPtr<const float> bias;
  std::int64_t c;
  bool has_bias, relu;
  std::int64_t channel = 0;  // of the next element

  __device__ void seek(std::int64_t i) { channel = i % c; }
  __device__ float operator()(float value) {
    if (has_bias) {
      const float term = bias[channel];
      value += term;
    }
    if (++channel == c) channel = 0;
    return relu && value < 0 ? 0 : value;
  }
};

template <typename F>
void map(Stream& stream, const char* name, Element element, const void* input, void* output,
         std::int64_t count, const F& f) {
  if (count == 0) return;
  with_element(element, [&](auto tag) {
    using T = decltype(tag);
    launch({.kernel = name,
            .grid = blocks_for(count, std::int64_t{kThreads} * Vector<T>::kCount),
            .block = kThreads,
            .stream = stream},
           map_kernel<T, F>, static_cast<const T*>(input), static_cast<T*>(output), count, f);
  });
}

}  // namespace

void relu_forward(Stream& stream, Element element, const void* input, void* output,
                  std::int64_t count) {
  map(stream, "relu", element, input, output, count, Relu{});
}

void batch_norm_forward(Stream& stream, Element element, const BatchNormProblem& problem,
                        const BatchNormArgs& args) {
  map(stream, "batch_norm", element, args.input, args.output,
      problem.n * problem.c * problem.spatial,
      BatchNorm{.mean = args.running_mean,
                .var = args.running_var,
                .weight = args.weight,
                .bias = args.bias,
                .c = problem.c,
                .spatial = problem.layout == Layout::nhwc ? 1 : problem.spatial,
                .eps = problem.eps,
                .has_weight = args.weight != nullptr,
                .has_bias = args.bias != nullptr});
}

void dropout_forward(Stream& stream, Element element, const void* input, void* output,
                     std::int64_t count, float p, std::uint64_t seed) {
  map(stream, "dropout", element, input, output, count,
      Dropout{.mixed_seed = mix_bits(seed), .p = p, .scale = dropout_scale(p)});
}

void add_bias(Stream& stream, Element element, std::int64_t rows, std::int64_t c, const float* bias,
              bool relu, void* values) {
  map(stream, "add_bias", element, values, values, rows * c,
      Bias{.bias = bias, .c = c, .has_bias = bias != nullptr, .relu = relu});
}

}  // namespace lamina::kernels::cuda
