#include "kernels/cuda/pool2d.h"

#include "kernels/cuda/element.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/pool_window.h"

namespace lamina::kernels::cuda {
namespace {

constexpr int kThreads = 256;

// What a thread computes: one output pixel of kCount neighbouring channels, or one element.
struct Place {
  std::int64_t b, c, y, x;
};

// Outputs are numbered as they lie in memory, so that neighbouring threads write neighbouring
// elements, and with NHWC read them too. `groups` is c / kCount.
__device__ inline Place place_of(std::int64_t i, Layout layout, std::int64_t groups,
                                 std::int64_t oh, std::int64_t ow, int count) {
  if (layout == Layout::nhwc) {
    const std::int64_t pixel = i / groups;
    return {pixel / ow / oh, i % groups * count, pixel / ow % oh, pixel % ow};
  }
  const std::int64_t row = i / ow;
  return {row / oh / groups, row / oh % groups, row % oh, i % ow};
}

struct Extents {
  Layout layout;
  std::int64_t c, h, w, oh, ow;

  /// Where (b, c, y, x) of the input lies.
  __device__ std::int64_t input_at(const Place& at, std::int64_t y, std::int64_t x) const {
    return layout == Layout::nhwc ? ((at.b * h + y) * w + x) * c + at.c
                                  : ((at.b * c + at.c) * h + y) * w + x;
  }
};

// The three kinds of pooling: which inputs a window has, how they are taken together.
struct MaxWindow {
  Pool2dProblem p;
  static constexpr float kStart = -INFINITY;

  __device__ WindowSpan rows(std::int64_t y) const { return max_window_rows(p, y); }
  __device__ WindowSpan cols(std::int64_t x) const { return max_window_cols(p, x); }
  __device__ static float join(float so_far, float value) {
    return value > so_far || isnan(value) ? value : so_far;
  }
  __device__ float finish(float value, const WindowSpan&, const WindowSpan&) const { return value; }
};

struct AvgWindow {
  Pool2dProblem p;
  static constexpr float kStart = 0;

  __device__ WindowSpan rows(std::int64_t y) const { return avg_window_rows(p, y); }
  __device__ WindowSpan cols(std::int64_t x) const { return avg_window_cols(p, x); }
  __device__ static float join(float so_far, float value) { return so_far + value; }
  __device__ float finish(float sum, const WindowSpan& rows, const WindowSpan& cols) const {
    if (rows.count * cols.count == 0) return 0;
    return sum / static_cast<float>(avg_divisor(p, rows, cols));
  }
};

struct AdaptiveWindow {
  AdaptivePool2dProblem p;
  static constexpr float kStart = 0;

  __device__ WindowSpan rows(std::int64_t y) const { return adaptive_window(y, p.h, p.oh); }
  __device__ WindowSpan cols(std::int64_t x) const { return adaptive_window(x, p.w, p.ow); }
  __device__ static float join(float so_far, float value) { return so_far + value; }
  __device__ float finish(float sum, const WindowSpan& rows, const WindowSpan& cols) const {
    return sum / static_cast<float>(rows.count * cols.count);
  }
};

// kCount: channels a thread takes, 16 bytes of them or one. Each input is read by the few windows
// that it lies in, close together in time: the L2 cache makes one read of memory of them.
template <typename T, int kCount, typename Window>
__global__ void pool_kernel(GlobalPtr<const T> input, GlobalPtr<T> output, std::int64_t count,
                            Extents extents, Window window) {
  wait_for_kernel_before();
  struct alignas(sizeof(T) * kCount) Elements {
    T values[kCount];
  };
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (!in_bounds(i < count)) return;
  const Place at = place_of(i, extents.layout, extents.c / kCount, extents.oh, extents.ow, kCount);
  const WindowSpan rows = window.rows(at.y), cols = window.cols(at.x);
  float results[kCount];
  for (int j = 0; j < kCount; ++j) results[j] = Window::kStart;
  for (std::int64_t r = 0; r < rows.count; ++r) {
    for (std::int64_t s = 0; s < cols.count; ++s) {
      const std::int64_t from =
          extents.input_at(at, rows.begin + r * rows.step, cols.begin + s * cols.step);
      const Elements elements = pointer_cast<const Elements>(input + from)[0];
      for (int j = 0; j < kCount; ++j) {
        results[j] = Window::join(results[j], to_float(elements.values[j]));
      }
    }
  }
  Elements elements;
  for (int j = 0; j < kCount; ++j) {
    elements.values[j] = from_float<T>(window.finish(results[j], rows, cols));
  }
  pointer_cast<Elements>(output)[i] = elements;
}

template <typename Window>
void pool(Stream& stream, const char* name, Element element, std::int64_t n, const Extents& e,
          const Window& window, const void* input, void* output) {
  with_element(element, [&](auto tag) {
    using T = decltype(tag);
    constexpr int kCount = Vector<T>::kCount;
    const std::int64_t elements = n * e.c * e.oh * e.ow;
    if (elements == 0) return;
    const bool vectors = e.layout == Layout::nhwc && e.c % kCount == 0 &&
                         is_vector_aligned(input) && is_vector_aligned(output);
    const std::int64_t count = vectors ? elements / kCount : elements;
    launch(
        {.kernel = name, .grid = blocks_for(count, kThreads), .block = kThreads, .stream = stream},
        vectors ? pool_kernel<T, kCount, Window> : pool_kernel<T, 1, Window>,
        static_cast<const T*>(input), static_cast<T*>(output), count, e, window);
  });
}

}  // namespace

void max_pool2d_forward(Stream& stream, Element element, const Pool2dProblem& p, const void* input,
                        void* output) {
  pool(stream, "max_pool2d", element, p.n, {p.layout, p.c, p.h, p.w, p.oh(), p.ow()}, MaxWindow{p},
       input, output);
}

void avg_pool2d_forward(Stream& stream, Element element, const Pool2dProblem& p, const void* input,
                        void* output) {
  pool(stream, "avg_pool2d", element, p.n, {p.layout, p.c, p.h, p.w, p.oh(), p.ow()}, AvgWindow{p},
       input, output);
}

void adaptive_avg_pool2d_forward(Stream& stream, Element element, const AdaptivePool2dProblem& p,
                                 const void* input, void* output) {
  pool(stream, "adaptive_avg_pool2d", element, p.n, {p.layout, p.c, p.h, p.w, p.oh, p.ow},
       AdaptiveWindow{p}, input, output);
}

}  // namespace lamina::kernels::cuda
