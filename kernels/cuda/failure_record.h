// CUDA has errors after which every call of the process fails, often with another error's name. The
// first of them is what the reader needs: it is kept here, and named by all that follow.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

namespace lamina::kernels::cuda {

/// The message of one failed call: "[cuda] cudaMalloc(&p, n): cudaErrorInvalidValue (invalid
/// argument) at kernels/cuda/runtime_cuda.cu:12".
std::string failure_text(std::string_view call, std::string_view error_name,
                         std::string_view error_text, std::string_view file, int line);

/// The first error that left the context unusable. Safe to use from several threads.
class FailureRecord {
 public:
  /// `message`, with the first fatal error named where there was one before. A `fatal` message
  /// becomes the first where there was none.
  std::string add(const std::string& message, bool fatal);

  /// The first fatal error, empty where there was none.
  std::string first() const;

 private:
  mutable std::mutex mutex_;
  std::string first_;
};

}  // namespace lamina::kernels::cuda
