#include "kernels/cuda/conv2d/conv2d_kernel.cuh"

namespace lamina::kernels::cuda {

void launch_conv2d_fp32(Stream& stream, const ConvShape& shape, const Conv2dPlan& plan,
                        const ConvPointers& pointers) {
  using Large = FfmaMath<128, 128, 8, 8>;
  using Narrow = FfmaMath<128, 64, 8, 4>;
  using Small = FfmaMath<64, 64, 4, 8>;
  using Flat = FfmaMath<16, 128, 2, 8>;
  if (!plan.vectors) return launch_tile<Small, 64, 64, 4, false>(stream, shape, plan, pointers);
  if (plan.tile_m == 128 && plan.tile_n == 128)
    return launch_tile<Large, 128, 128, 4, true>(stream, shape, plan, pointers);
  if (plan.tile_m == 128)
    return launch_tile<Narrow, 128, 64, 4, true>(stream, shape, plan, pointers);
  if (plan.tile_m == 64) return launch_tile<Small, 64, 64, 4, true>(stream, shape, plan, pointers);
  launch_tile<Flat, 16, 128, 6, true>(stream, shape, plan, pointers);
}

}  // namespace lamina::kernels::cuda
