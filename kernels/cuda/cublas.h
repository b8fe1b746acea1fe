// NVIDIA's own matrix products, in builds that ask for them (LAMINA_CUBLAS=ON): another way to
// compute linear layers, and a yardstick for ours. Free of CUDA's headers.
#pragma once

#include "kernels/cuda/precision.h"
#include "kernels/cuda/runtime.h"

#include <cstdint>
#include <utility>

namespace lamina::kernels::cuda {

bool has_cublas() noexcept;

/// A handle of the current device, with memory of its own, so that products can be captured in a
/// graph. For one thread at a time. Errors: DeviceError where the build has no cuBLAS, CudaError.
class Cublas {
 public:
  Cublas();
  ~Cublas();
  Cublas(const Cublas&) = delete;
  Cublas& operator=(const Cublas&) = delete;

  /// output[m, n] = input[m, k] * weight[n, k]^T; all three of element_of(precision), output f32
  /// where f32_output. cuBLAS chooses how it sums by the sizes: a row's bits may depend on m.
  void multiply(Stream& stream, Precision precision, std::int64_t m, std::int64_t n, std::int64_t k,
                const void* input, const void* weight, void* output, bool f32_output);

 private:
  void* handle_ = nullptr;
  DeviceMemory workspace_;
};

/// TFLOP/s of the best of a few products of 8192 x 8192 x 8192 (4096 in fp32): what this device
/// does at most, as far as cuBLAS knows.
double cublas_matmul_tflops(Precision precision);

}  // namespace lamina::kernels::cuda
