#include "kernels/cuda/cublas.h"

#include <lamina/core/error.h>

#include <cublas_v2.h>

#include <algorithm>
#include <string>

namespace lamina::kernels::cuda {
namespace {

// What NVIDIA asks for on Hopper.
constexpr std::int64_t kWorkspaceBytes = std::int64_t{32} << 20;

void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw CudaError(std::string("[cublas] ") + what + ": " + cublasGetStatusName(status) + " (" +
                  cublasGetStatusString(status) + ")");
}

cudaDataType type_of(Element element) {
  switch (element) {
    case Element::f16: return CUDA_R_16F;
    case Element::bf16: return CUDA_R_16BF;
    default: return CUDA_R_32F;
  }
}

}  // namespace

bool has_cublas() noexcept { return true; }

Cublas::Cublas() : workspace_(kWorkspaceBytes) {
  cublasHandle_t handle = nullptr;
  check(cublasCreate(&handle), "cublasCreate");
  handle_ = handle;
}

Cublas::~Cublas() {
  if (handle_ != nullptr) cublasDestroy(static_cast<cublasHandle_t>(handle_));
}

// cuBLAS counts columns first: to it a row-major [m, n] is the transpose, [n, m].
void Cublas::multiply(Stream& stream, Precision precision, std::int64_t m, std::int64_t n,
                      std::int64_t k, const void* input, const void* weight, void* output,
                      bool f32_output) {
  auto* const handle = static_cast<cublasHandle_t>(handle_);
  check(cublasSetStream(handle, static_cast<cudaStream_t>(stream.handle())), "cublasSetStream");
  // Setting the stream forgets the workspace.
  check(cublasSetWorkspace(handle, workspace_.data(), kWorkspaceBytes), "cublasSetWorkspace");
  const Element element = element_of(precision);
  const cudaDataType type = type_of(element);
  const float one = 1, zero = 0;
  const auto narrow = [](std::int64_t size) { return static_cast<int>(size); };
  check(
      cublasGemmEx(handle, CUBLAS_OP_T, CUBLAS_OP_N, narrow(n), narrow(m), narrow(k), &one, weight,
                   type, narrow(k), input, type, narrow(k), &zero, output,
                   f32_output ? CUDA_R_32F : type, narrow(n),
                   precision == Precision::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
                   CUBLAS_GEMM_DEFAULT),
      "cublasGemmEx");
}

double cublas_matmul_tflops(Precision precision) {
  constexpr int kTries = 10;
  const std::int64_t side = precision == Precision::fp32 ? 4096 : 8192;
  const std::int64_t bytes = side * side * bytes_of(element_of(precision));
  Cublas cublas;
  Stream stream;
  const DeviceMemory a(bytes), b(bytes), c(bytes);
  // Zeros would draw less power than numbers do; these are about 1.5 in every type.
  fill_async(a.data(), 0x3f, bytes, stream);
  fill_async(b.data(), 0x3f, bytes, stream);
  Event begin, end;
  double best = 0;
  for (int i = 0; i < kTries; ++i) {
    begin.record(stream);
    cublas.multiply(stream, precision, side, side, side, a.data(), b.data(), c.data(), false);
    end.record(stream);
    stream.synchronize();
    const double cube =
        static_cast<double>(side) * static_cast<double>(side) * static_cast<double>(side);
    best = std::max(best, 2 * cube / (double{end.milliseconds_since(begin)} * 1e9));
  }
  return best;
}

}  // namespace lamina::kernels::cuda
