// What the CUDA runtime answered. Only for the .cu files of this folder: all else includes
// runtime.h, which needs no CUDA header.
#pragma once

#include "kernels/cuda/runtime.h"

#include <cuda_runtime_api.h>

#include <mutex>

namespace lamina::kernels::cuda {

/// Throws CudaError "[cuda] <what>: <error's name> (<its text>) at <file>:<line>". An error that
/// leaves CUDA unusable in this process is remembered, and named by each that follows.
[[noreturn]] void throw_cuda_error(cudaError_t error, const char* what, const char* file, int line);

/// Logs the same text as a warning: for destructors.
void log_cuda_error(cudaError_t error, const char* what, const char* file, int line) noexcept;

/// The current device is this one for a while; unlike ScopedDevice it checks and throws nothing,
/// for a device known to exist.
class OnDevice {
 public:
  explicit OnDevice(int device) noexcept {
    cudaGetDevice(&previous_);
    if (previous_ != device) cudaSetDevice(device);
    changed_ = previous_ != device;
  }
  ~OnDevice() {
    if (changed_) cudaSetDevice(previous_);
  }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int previous_ = 0;
  bool changed_ = false;
};

/// The captures under way. While there is one, whoever uses the legacy stream would spoil it, from
/// whatever thread: such calls are made with the mutex held, where `running` is 0.
struct Captures {
  std::mutex mutex;
  int running = 0;
};
Captures& captures();

}  // namespace lamina::kernels::cuda

/// Throws where the call fails.
#define LAMINA_CUDA_CHECK(call)                                                           \
  do {                                                                                    \
    const cudaError_t lamina_error = (call);                                              \
    if (lamina_error != cudaSuccess) {                                                    \
      ::lamina::kernels::cuda::throw_cuda_error(lamina_error, #call, __FILE__, __LINE__); \
    }                                                                                     \
  } while (false)

/// Logs where the call fails.
#define LAMINA_CUDA_LOG(call)                                                           \
  do {                                                                                  \
    const cudaError_t lamina_error = (call);                                            \
    if (lamina_error != cudaSuccess) {                                                  \
      ::lamina::kernels::cuda::log_cuda_error(lamina_error, #call, __FILE__, __LINE__); \
    }                                                                                   \
  } while (false)
