// cuBLAS in a build without it.
#include "kernels/cuda/cublas.h"

namespace lamina::kernels::cuda {
namespace {

[[noreturn]] void refuse() { throw DeviceError("[cublas] this build has no cuBLAS"); }

}  // namespace

bool has_cublas() noexcept { return false; }

Cublas::Cublas() { refuse(); }
Cublas::~Cublas() = default;
void Cublas::multiply(Stream&, Precision, std::int64_t, std::int64_t, std::int64_t, const void*,
                      const void*, void*, bool) {
  refuse();
}
double cublas_matmul_tflops(Precision) { refuse(); }

}  // namespace lamina::kernels::cuda
