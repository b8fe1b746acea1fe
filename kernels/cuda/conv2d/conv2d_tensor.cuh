// The tiles of tensor-core convolutions, one table for tf32, fp16 and bf16.
#pragma once

#include "kernels/cuda/conv2d/conv2d_kernel.cuh"

namespace lamina::kernels::cuda {

template <typename T>
void launch_tensor(Stream& stream, const ConvShape& shape, const Conv2dPlan& plan,
                   const ConvPointers& pointers) {
  using Large = MmaMath<T, 128, 128, 64, 32>;
  using Narrow = MmaMath<T, 128, 64, 64, 32>;
  using Small = MmaMath<T, 64, 64, 32, 32>;
  using Flat = MmaMath<T, 16, 128, 16, 32>;
  if (!plan.vectors) return launch_tile<Small, 64, 64, 4, false>(stream, shape, plan, pointers);
  if (plan.tile_m == 128 && plan.tile_n == 128)
    return launch_tile<Large, 128, 128, 4, true>(stream, shape, plan, pointers);
  if (plan.tile_m == 128)
    return launch_tile<Narrow, 128, 64, 4, true>(stream, shape, plan, pointers);
  if (plan.tile_m == 64) return launch_tile<Small, 64, 64, 4, true>(stream, shape, plan, pointers);
  launch_tile<Flat, 16, 128, 6, true>(stream, shape, plan, pointers);
}

}  // namespace lamina::kernels::cuda
