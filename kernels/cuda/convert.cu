// convert(): layout and element type at once, by one of three kernels.
#include "kernels/cuda/element.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pointwise.h"

#include <algorithm>

namespace lamina::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kTile = 32, kTileRows = 8;
constexpr unsigned kMaxGridZ = 65535;

std::int64_t stored_of(const Format& format, std::int64_t c) {
  return format.c_stored > 0 ? format.c_stored : c;
}

// A picture to NHWC pixels of 16 bytes: reading is coalesced along each plane, and each thread
// writes a pixel whole, its padding too. A tile of 32 channels would leave most of its lanes idle.
template <typename From, typename To>
__global__ void pixel_kernel(GlobalPtr<const From> input, GlobalPtr<To> output, std::int64_t c,
                             std::int64_t spatial, std::int64_t pixels, float factor) {
  wait_for_kernel_before();
  const std::int64_t pixel = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (!in_bounds(pixel < pixels)) return;
  const std::int64_t first = pixel / spatial * c * spatial + pixel % spatial;
  Vector<To> vector;
  for (int i = 0; i < Vector<To>::kCount; ++i) {
    vector.elements[i] =
        from_float<To>(in_bounds(i < c) ? factor * load_float(input, first + i * spatial) : 0.0f);
  }
  pointer_cast<Vector<To>>(output)[pixel] = vector;
}

// [batch][rows][from_stored] to [batch][columns][to_stored], where rows become columns: a tile of
// 32x32 goes through shared memory, so that both sides are accessed along their rows. The 33rd
// column keeps the lanes of a warp on different banks when they read one. What `from` has beyond
// `columns` is not read; what `to` has beyond `rows` becomes zeros.
template <typename From, typename To>
__global__ void transpose_kernel(GlobalPtr<const From> input, GlobalPtr<To> output,
                                 std::int64_t rows, std::int64_t columns, std::int64_t from_stored,
                                 std::int64_t to_stored, unsigned tiles_across, float factor) {
  wait_for_kernel_before();
  __shared__ SharedArray<float, kTile*(kTile + 1)> tile;
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const std::int64_t row0 = std::int64_t{blockIdx.x / tiles_across} * kTile;
  const std::int64_t column0 = std::int64_t{blockIdx.x % tiles_across} * kTile;
  const std::int64_t batch = blockIdx.z;
  for (int i = y; i < kTile; i += kTileRows) {
    const std::int64_t row = row0 + i, column = column0 + x;
    const bool inside = in_bounds(row < rows && column < columns);
    tile[i * (kTile + 1) + x] =
        inside ? load_float(input, (batch * rows + row) * from_stored + column) : 0.0f;
  }
  __syncthreads();
  for (int i = y; i < kTile; i += kTileRows) {
    const std::int64_t row = column0 + i, column = row0 + x;
    if (!in_bounds(row < columns && column < to_stored)) continue;
    const float value = tile[x * (kTile + 1) + i];
    output[(batch * columns + row) * to_stored + column] = from_float<To>(factor * value);
  }
}

// The same layout: rows of `c` values, from_stored and to_stored apart.
template <typename From, typename To>
__global__ void rows_kernel(GlobalPtr<const From> input, GlobalPtr<To> output, std::int64_t c,
                            std::int64_t from_stored, std::int64_t to_stored, std::int64_t count,
                            float factor) {
  wait_for_kernel_before();
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (!in_bounds(i < count)) return;
  const std::int64_t row = i / to_stored, column = i % to_stored;
  const bool real = in_bounds(column < c);
  output[i] = from_float<To>(real ? factor * load_float(input, row * from_stored + column) : 0.0f);
}

template <typename From, typename To>
struct Conversion {
  Stream& stream;
  std::int64_t n, c, spatial;
  Format from, to;
  const From* input;
  To* output;

  void run() const {
    const std::int64_t to_stored = stored_of(to, c);
    if (from.layout == to.layout) return run_rows();
    const bool whole_pixels =
        to.layout == Layout::nhwc && is_vector_aligned(output) && to_stored == Vector<To>::kCount;
    whole_pixels ? run_pixels() : run_transpose();
  }

  void run_pixels() const {
    launch({.kernel = "convert_pixels",
            .grid = blocks_for(n * spatial, kThreads),
            .block = kThreads,
            .stream = stream},
           pixel_kernel<From, To>, input, output, c, spatial, n * spatial, factor());
  }

  // NCHW is rows of pixels, NHWC rows of channels. The grid's z is limited, so in parts.
  void run_transpose() const {
    const bool to_nhwc = to.layout == Layout::nhwc;
    const std::int64_t rows = to_nhwc ? c : spatial, columns = to_nhwc ? spatial : c;
    const std::int64_t from_stored = to_nhwc ? spatial : stored_of(from, c);
    const std::int64_t to_stored = to_nhwc ? stored_of(to, c) : spatial;
    const unsigned across = blocks_for(columns, kTile), down = blocks_for(to_stored, kTile);
    for (std::int64_t first = 0; first < n; first += kMaxGridZ) {
      launch({.kernel = "convert_transpose",
              .grid = dim3(across * down, 1,
                           static_cast<unsigned>(std::min<std::int64_t>(n - first, kMaxGridZ))),
              .block = dim3(kTile, kTileRows),
              .stream = stream},
             transpose_kernel<From, To>, input + first * rows * from_stored,
             output + first * columns * to_stored, rows, columns, from_stored, to_stored, across,
             factor());
    }
  }

  void run_rows() const {
    const bool nhwc = to.layout == Layout::nhwc;
    const std::int64_t row = nhwc ? c : c * spatial;
    const std::int64_t to_stored = nhwc ? stored_of(to, c) : row;
    const std::int64_t count = (nhwc ? n * spatial : n) * to_stored;
    launch({.kernel = "convert_rows",
            .grid = blocks_for(count, kThreads),
            .block = kThreads,
            .stream = stream},
           rows_kernel<From, To>, input, output, row, nhwc ? stored_of(from, c) : row, to_stored,
           count, factor());
  }

  // Scales are powers of two wherever one is not 1: nothing is rounded here.
  float factor() const { return from.scale / to.scale; }
};

}  // namespace

void convert(Stream& stream, std::int64_t n, std::int64_t c, std::int64_t spatial,
             const Format& from, const Format& to, const void* input, void* output) {
  if (n * c * spatial == 0) return;
  with_any_element(from.element, [&](auto from_tag) {
    with_any_element(to.element, [&](auto to_tag) {
      using From = decltype(from_tag);
      using To = decltype(to_tag);
      Conversion<From, To>{stream,
                           n,
                           c,
                           spatial,
                           from,
                           to,
                           static_cast<const From*>(input),
                           static_cast<To*>(output)}
          .run();
    });
  });
}

}  // namespace lamina::kernels::cuda
