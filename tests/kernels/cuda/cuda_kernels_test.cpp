// Every kernel case, on whatever device is linked.
#include "kernels/cuda/runtime.h"
#include "tests/kernels/cuda/cases.h"
#include "tests/support/skip.h"

#include <lamina/core/error.h>

#include <catch2/catch.hpp>

#include <cstdio>

namespace lamina::kernels::cuda {
namespace {

void run_all(const std::vector<KernelCase>& cases) {
  if (device_count() == 0) LAMINA_SKIP(no_device_reason());
  for (const KernelCase& each : cases) {
    INFO(each.name);
    try {
      CHECK(each.run() == "");
    } catch (const Error& error) {
      FAIL_CHECK(error.what());
    }
  }
  std::printf("%zu kernel cases\n", cases.size());
}

}  // namespace

TEST_CASE("cuda kernels: convolutions and linear layers", "[cuda]") { run_all(conv2d_cases()); }
TEST_CASE("cuda kernels: convolutions on Hopper's tensor cores", "[cuda]") {
  if (device_count() > 0 && device_properties(0).compute_major != 9) {
    LAMINA_SKIP("needs compute capability 9");
  }
  run_all(conv2d_wgmma_cases());
}
TEST_CASE("cuda kernels: element by element", "[cuda]") { run_all(pointwise_cases()); }
TEST_CASE("cuda kernels: pooling", "[cuda]") { run_all(pool2d_cases()); }
TEST_CASE("cuda kernels: softmax and top-k", "[cuda]") { run_all(classify_cases()); }
TEST_CASE("cuda kernels: each waits for the one before", "[cuda]") { run_all(overlap_cases()); }
TEST_CASE("cuda kernels: preprocessing", "[cuda]") { run_all(preprocess_cases()); }

}  // namespace lamina::kernels::cuda
