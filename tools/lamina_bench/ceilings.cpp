#include "tools/lamina_bench/ceilings.h"

#include <lamina/core/tensor.h>

#include "core/parallel.h"
#include "kernels/cuda/cublas.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace lamina::tools {
namespace {

constexpr int kTries = 6;
constexpr std::int64_t kRounds = 4'000'000;
constexpr std::int64_t kReadFloats = 32 << 20;  // 128 MiB a thread: past any cache

// Work of all threads divided by the time of all, the best try.
template <typename F>
double best_rate(int threads, F&& work_of) {
  double best = 0;
  for (int i = 0; i < kTries; ++i) {
    std::vector<double> done(static_cast<std::size_t>(threads));
    const auto begin = std::chrono::steady_clock::now();
    parallel_for(threads, threads, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t t = first; t < last; ++t) done[static_cast<std::size_t>(t)] = work_of(t);
    });
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    double total = 0;
    for (const double each : done) total += each;
    best = std::max(best, total / seconds);
  }
  return best;
}

}  // namespace

Ceilings measure_ceilings(int threads) {
  const Isa isa = usable_cpu_features().isa;
  Ceilings ceilings;
  ceilings.fma_gflops =
      best_rate(threads, [&](std::int64_t) { return spin_multiply_adds(isa, kRounds); }) * 1e-9;
  // As weights lie: in huge pages, where the system has them.
  Tensor memory = Tensor::empty(Shape{threads * kReadFloats});
  float* const values = memory.mutable_data<float>();
  std::fill_n(values, memory.numel(), 1.0F);
  volatile float keep = 0;  // so that the reading is not left out
  const auto read = [&](std::int64_t t) {
    keep = read_floats(isa, values + t * kReadFloats, kReadFloats);
    return static_cast<double>(kReadFloats) * sizeof(float);
  };
  ceilings.read_gb_per_s = best_rate(threads, read) * 1e-9;
  return ceilings;
}

std::optional<double> measure_device_gflops(Device device, const std::string& precision) {
  if (device.type != DeviceType::cuda || !kernels::cuda::has_cublas()) return std::nullopt;
  if (precision == "fp8") return std::nullopt;  // cuBLAS has it elsewhere, in cublasLt
  const kernels::cuda::ScopedDevice current(device.index);
  return 1e3 * kernels::cuda::cublas_matmul_tflops(kernels::cuda::precision_named(precision));
}

}  // namespace lamina::tools
