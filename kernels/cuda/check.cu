#include "kernels/cuda/check.h"

#include "core/log_line.h"
#include "kernels/cuda/failure_record.h"

#include <string>

namespace lamina::kernels::cuda {
namespace {

thread_local std::string last_message;

FailureRecord& failures() {
  static auto* record = new FailureRecord;  // never destroyed: other statics may fail at exit
  return *record;
}

// After these every call of the process fails ("CUDA Runtime API, error handling": the process must
// end and be started again).
bool is_fatal(cudaError_t error) {
  switch (error) {
    case cudaErrorAssert:
    case cudaErrorContextIsDestroyed:
    case cudaErrorECCUncorrectable:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalAddress:
    case cudaErrorIllegalInstruction:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorMisalignedAddress:
    case cudaErrorNvlinkUncorrectable: return true;
    default: return false;
  }
}

std::string message_of(cudaError_t error, const char* what, const char* file, int line) {
  // The runtime gives a call's error out once more to whoever asks next; it has been told.
  cudaGetLastError();
  const std::string message =
      failure_text(what, cudaGetErrorName(error), cudaGetErrorString(error), file, line);
  return failures().add(message, is_fatal(error));
}

}  // namespace

void throw_cuda_error(cudaError_t error, const char* what, const char* file, int line) {
  last_message = message_of(error, what, file, line);
  throw CudaError(last_message);
}

void log_cuda_error(cudaError_t error, const char* what, const char* file, int line) noexcept {
  if (error == cudaErrorCudartUnloading) return;  // the process ends, and the driver cleans up
  try {
    last_message = message_of(error, what, file, line);
    log(LogLevel::warning, last_message);
  } catch (...) {
    // No memory for a message; there is nobody to tell.
  }
}

std::string last_error() { return last_message; }

void check_launch(const char* kernel) {
  const cudaError_t error = cudaGetLastError();
  if (error == cudaSuccess) return;
  throw_cuda_error(error, (std::string("launch of ") + kernel).c_str(), __FILE__, __LINE__);
}

}  // namespace lamina::kernels::cuda
