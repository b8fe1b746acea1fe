// Operations of a warp, tensor cores and asynchronous copies in the emulator.
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx/cp_async.cuh"
#include "kernels/cuda/ptx/mma.cuh"
#include "kernels/cuda/ptx/tf32.cuh"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace lamina::kernels::cuda {
namespace {

using Catch::Matchers::Contains;

constexpr int kThreads = 32;
constexpr unsigned kAll = 0xffffffffu;

using Kernel = void (*)(GlobalPtr<const float>, GlobalPtr<float>);

std::vector<float> run(Kernel kernel, std::vector<float> values, int outputs, int threads = 32) {
  const DeviceMemory input(static_cast<std::int64_t>(values.size()) * 4), output(outputs * 4);
  Stream stream;
  upload(input.data(), values.data(), input.size_bytes(), stream);
  launch({.kernel = "tested",
          .grid = 1,
          .block = static_cast<unsigned>(threads),
          .smem_bytes = 4096,
          .stream = stream},
         kernel, input.as<const float>(), output.as<float>());
  values.resize(static_cast<std::size_t>(outputs));
  download(values.data(), output.data(), output.size_bytes(), stream);
  return values;
}

std::vector<float> counted(int count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

__global__ void shuffle_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  const int lane = static_cast<int>(threadIdx.x);
  float sum = input[lane];
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(kAll, sum, step);
  output[lane] = sum + __shfl_down_sync(kAll, static_cast<float>(lane), 1) +
                 static_cast<float>(__ballot_sync(kAll, lane < 2));
}

__global__ void half_a_shuffle_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  float value = input[threadIdx.x];
  if (threadIdx.x < 16) value = __shfl_sync(kAll, value, 0);
  output[threadIdx.x] = value;
}

// a [16][8] and b [8][8] behind it, by tf32; output [16][8].
__global__ void tf32_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  const int g = static_cast<int>(threadIdx.x) / 4, t = static_cast<int>(threadIdx.x) % 4;
  unsigned a[4], b[2];
  for (int i = 0; i < 4; ++i) {
    const float value = input[(g + i % 2 * 8) * 8 + t + i / 2 * 4];
    a[i] = to_tf32(value);
  }
  for (int i = 0; i < 2; ++i) {
    const float value = input[128 + (t + i * 4) * 8 + g];
    b[i] = to_tf32(value);
  }
  float d[4] = {1, 1, 1, 1};
  mma_m16n8k8_tf32(d, a, b);
  for (int i = 0; i < 4; ++i) output[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = d[i];
}

// a [16][16] of halves in shared memory by ldmatrix, times itself's first 8 rows transposed.
template <typename T>
__global__ void ldmatrix_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  const SharedPtr<unsigned short> tile = dynamic_shared<unsigned short>();
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, t = lane % 4;
  for (int i = lane; i < 256; i += 32) {
    const float value = input[i];
    unsigned short bits;
    if constexpr (std::is_same_v<T, __half>) {
      bits = __float2half_rn(value).bits;
    } else {
      bits = __float2bfloat16_rn(value).bits;
    }
    tile[i] = bits;
  }
  __syncwarp();
  unsigned a[4];
  ldmatrix_x4(a, tile + (lane % 16 * 16 + lane / 16 * 8));
  const unsigned b[2] = {a[0], a[2]};  // rows 0 to 7 are the columns
  float d[4] = {};
  mma_m16n8k16<T>(d, a, b);
  for (int i = 0; i < 4; ++i) output[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = d[i];
}

template <bool kCommit, int kNewest, bool kBarrier>
__global__ void copy_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  const SharedPtr<float> tile = dynamic_shared<float>();
  const int i = static_cast<int>(threadIdx.x);
  cp_async<4>(tile + i, input + i, i < 40);
  if (kCommit) cp_async_commit();
  cp_async_wait<kNewest>();
  if (kBarrier) __syncthreads();
  output[i] = tile[63 - i];
}

__global__ void overwritten_copy_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  const SharedPtr<float> tile = dynamic_shared<float>();
  cp_async<4>(tile + 0, input, true);
  tile[0] = 1;
  output[0] = 1;
}

__global__ void abandoned_copy_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  cp_async<4>(dynamic_shared<float>(), input, true);
  output[0] = 1;
}

}  // namespace

TEST_CASE("emulator: lanes exchange and vote") {
  const auto sums = run(shuffle_kernel, counted(32), 32);
  CHECK(sums[0] == 496 + 1 + 3);
  CHECK(sums[30] == 496 + 31 + 3);
  CHECK_THROWS_WITH(run(half_a_shuffle_kernel, counted(32), 32),
                    Contains("the __shfl_sync is not reached by all"));
}

TEST_CASE("emulator: tensor cores multiply, with each lane's part where PTX says") {
  const auto values = counted(192);
  const auto product = run(tf32_kernel, values, 128);
  for (std::size_t i = 0; i < 128; ++i) {
    float expected = 1;
    for (std::size_t k = 0; k < 8; ++k) {
      expected += values[i / 8 * 8 + k] * values[128 + k * 8 + i % 8];
    }
    CHECK(product[i] == expected);
  }
}

TEST_CASE("emulator: ldmatrix feeds 16-bit products") {
  std::vector<float> values(256);
  for (std::size_t i = 0; i < 256; ++i) values[i] = static_cast<float>(i * 7 % 17) - 8;
  for (const Kernel kernel : {&ldmatrix_kernel<__half>, &ldmatrix_kernel<__nv_bfloat16>}) {
    const auto product = run(kernel, values, 128);
    for (std::size_t i = 0; i < 128; ++i) {
      float expected = 0;
      for (std::size_t k = 0; k < 16; ++k) {
        expected += values[i / 8 * 16 + k] * values[i % 8 * 16 + k];
      }
      CHECK(product[i] == expected);
    }
  }
}

TEST_CASE("emulator: asynchronous copies are there after commit, wait and barrier, not before") {
  const auto copied = run(copy_kernel<true, 0, true>, counted(40), 64, 64);
  CHECK(copied[63] == 0);
  CHECK(copied[24] == 39);
  CHECK(copied[23] == 0);  // the source ends at 40
  const auto fault = [](Kernel kernel, const char* what) {
    CHECK_THROWS_WITH(run(kernel, counted(40), 64, 64), Contains(what));
  };
  fault(copy_kernel<false, 0, true>, "a copy is under way that nobody waited for");
  fault(copy_kernel<true, 1, true>, "a copy is under way that nobody waited for");
  fault(copy_kernel<true, 0, false>, "shared memory");
  fault(overwritten_copy_kernel, "writes shared memory to which a copy is under way");
  fault(abandoned_copy_kernel, "copies under way");
}

TEST_CASE("emulator: half types round to nearest even, and keep NaN and infinity") {
  CHECK(__half2float(__float2half_rn(1.0f + 0x1p-11f)) == 1.0f);
  CHECK(__half2float(__float2half_rn(1.0f + 0x3p-11f)) == 1.0f + 0x1p-9f);
  CHECK(__half2float(__float2half_rn(65519.0f)) == 65504.0f);
  CHECK(std::isinf(__half2float(__float2half_rn(65520.0f))));
  CHECK(__half2float(__float2half_rn(0x1p-24f)) == 0x1p-24f);
  CHECK(__half2float(__float2half_rn(0x1p-25f)) == 0.0f);
  CHECK(__half2float(__float2half_rn(-0x3p-25f)) == -0x1p-23f);
  CHECK(std::isnan(__half2float(__float2half_rn(std::numeric_limits<float>::quiet_NaN()))));
  CHECK(__bfloat162float(__float2bfloat16_rn(1.0f + 0x1p-8f)) == 1.0f);
  CHECK(__bfloat162float(__float2bfloat16_rn(1.0f + 0x3p-8f)) == 1.0f + 0x1p-6f);
  CHECK(std::isnan(__bfloat162float(__float2bfloat16_rn(std::numeric_limits<float>::quiet_NaN()))));
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const __half half{static_cast<std::uint16_t>(bits)};
    const float value = __half2float(half);
    if (!std::isnan(value) && __float2half_rn(value).bits != bits) FAIL_CHECK(bits);
  }
}

TEST_CASE(
    "emulator: a planted fault breaks what it is planted in, and a bound that never fails is "
    "no site") {
  emulator::watch_sites();
  CHECK_NOTHROW(run(copy_kernel<true, 0, true>, counted(40), 64, 64));
  const auto sites = emulator::sites_reached();
  REQUIRE(sites.size() == 3);
  for (const emulator::Site& site : sites) {
    INFO(site.line << " " << to_string(site.kind));
    emulator::plant_fault(site);
    CHECK_THROWS_AS(run(copy_kernel<true, 0, true>, counted(40), 64, 64), CudaError);
  }
  emulator::heal();
  CHECK_NOTHROW(run(copy_kernel<true, 0, true>, counted(40), 64, 64));
}

}  // namespace lamina::kernels::cuda
