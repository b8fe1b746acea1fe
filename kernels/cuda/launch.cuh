// launch(): the one way in which kernels are started.
//
//   launch({.kernel = "relu", .grid = blocks, .block = kThreads, .stream = stream},
//          relu_kernel, input, output, count);
#pragma once

#include "kernels/cuda/language.cuh"
#include "kernels/cuda/ptx/overlap.cuh"
#include "kernels/cuda/runtime.h"

#include <type_traits>
#include <utility>

namespace lamina::kernels::cuda {

struct LaunchConfig {
  const char* kernel;  ///< its name in messages
  dim3 grid;
  dim3 block;
  int smem_bytes = 0;  ///< dynamic shared memory
  int cluster = 1;     ///< blocks of a cluster, neighbours in x; the grid has whole ones
  Stream& stream;
};

/// Starts kernel(args...) on a grid; arguments convert as in a call. Returns at once. On a stream
/// that overlaps the kernel must wait for the one before by itself: ptx/overlap.cuh.
/// Errors: CudaError with the kernel's name if the launch is refused. What fails later, while the
/// kernel runs, is thrown where the stream is waited for; the emulator may throw it here.
template <typename... Params, typename... Args>
void launch(const LaunchConfig& config, void (*kernel)(Params...), Args&&... args) {
  static_assert(sizeof...(Params) == sizeof...(Args));
#ifdef LAMINA_CUDA_EMULATED
  emulator::enqueue_kernel(
      config.stream,
      {.kernel = config.kernel,
       .grid = config.grid,
       .block = config.block,
       .smem_bytes = config.smem_bytes,
       .cluster = config.cluster,
       .overlaps = config.stream.overlaps()},
      [kernel, ... values = static_cast<std::remove_cv_t<Params>>(args)] { kernel(values...); });
#else
  // More than 48 KB of dynamic shared memory has to be asked for.
  if (config.smem_bytes > 48 * 1024) {
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, config.smem_bytes);
    check_launch(config.kernel);
  }
  cudaLaunchAttribute attributes[2] = {};
  unsigned count = 0;
  if (config.cluster > 1) {
    attributes[count].id = cudaLaunchAttributeClusterDimension;
    attributes[count++].val.clusterDim = {static_cast<unsigned>(config.cluster), 1, 1};
  }
  if (config.stream.overlaps()) {
    attributes[count].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[count++].val.programmaticStreamSerializationAllowed = 1;
  }
  cudaLaunchConfig_t native{};
  native.gridDim = config.grid;
  native.blockDim = config.block;
  native.dynamicSmemBytes = static_cast<std::size_t>(config.smem_bytes);
  native.stream = static_cast<cudaStream_t>(config.stream.handle());
  native.attrs = attributes;
  native.numAttrs = count;
  cudaLaunchKernelEx(&native, kernel, std::forward<Args>(args)...);
  check_launch(config.kernel);
#endif
}

}  // namespace lamina::kernels::cuda
