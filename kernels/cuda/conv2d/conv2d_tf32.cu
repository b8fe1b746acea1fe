#include "kernels/cuda/conv2d/conv2d_tensor.cuh"

namespace lamina::kernels::cuda {

void launch_conv2d_tf32(Stream& stream, const ConvShape& shape, const Conv2dPlan& plan,
                        const ConvPointers& pointers) {
  launch_tensor<Tf32>(stream, shape, plan, pointers);
}

}  // namespace lamina::kernels::cuda
