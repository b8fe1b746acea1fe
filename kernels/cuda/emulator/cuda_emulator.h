// All that a kernel sees of the emulator; language.cuh includes it. docs/emulator.md explains it.
#pragma once

#include "kernels/cuda/emulator/block.h"
#include "kernels/cuda/emulator/half_types.h"
#include "kernels/cuda/emulator/language.h"
#include "kernels/cuda/emulator/pointers.h"
#include "kernels/cuda/emulator/warp.h"
#include "kernels/cuda/runtime.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

namespace lamina::kernels::cuda {

// Names that device code has without std::.
using std::isnan;
using std::max;
using std::min;

namespace emulator {

/// The seed of the order in which threads run, for launches from here on.
void set_seed(std::uint64_t seed);

/// Runs the grid at once, or records it while the stream is being captured.
void enqueue_kernel(Stream& stream, const LaunchShape& shape, std::function<void()> body);

}  // namespace emulator

inline bool in_bounds(bool condition, emulator::Where where = std::source_location::current()) {
  return condition || emulator::is_faulty(emulator::SiteKind::bound, where);
}

}  // namespace lamina::kernels::cuda

inline float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }
inline unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }

#define threadIdx (::lamina::kernels::cuda::emulator::current_block().thread().index)
#define blockIdx (::lamina::kernels::cuda::emulator::current_block().index())
#define blockDim (::lamina::kernels::cuda::emulator::current_block().shape().block)
#define gridDim (::lamina::kernels::cuda::emulator::current_block().shape().grid)

inline void __syncthreads(
    lamina::kernels::cuda::emulator::Where where = std::source_location::current()) {
  lamina::kernels::cuda::emulator::current_block().sync_threads(where);
}
