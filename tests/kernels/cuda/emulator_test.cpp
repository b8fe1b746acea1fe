#include "kernels/cuda/launch.cuh"

#include <catch2/catch.hpp>

#include <numeric>
#include <string>
#include <vector>

namespace lamina::kernels::cuda {
namespace {

using Catch::Matchers::Contains;

constexpr int kThreads = 64;

__global__ void reverse_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  __shared__ SharedArray<float, kThreads> tile;
  const int i = static_cast<int>(threadIdx.x);
  const std::int64_t first = std::int64_t{blockIdx.x} * kThreads;
  tile[i] = input[first + i];
  __syncthreads();
  output[first + i] = tile[kThreads - 1 - i];
}

__global__ void unsynchronised_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  __shared__ SharedArray<float, kThreads> tile;
  const int i = static_cast<int>(threadIdx.x);
  tile[i] = input[i];
  output[i] = tile[i ^ 1];
}

__global__ void overrunning_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  const int i = static_cast<int>(threadIdx.x);
  output[i + 1] = input[i];
}

__global__ void halo_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  const int i = static_cast<int>(threadIdx.x);
  output[i] = input[i - 1];
}

__global__ void misaligned_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  const float4 four = pointer_cast<const float4>(input + 1)[0];
  output[threadIdx.x] = four.x;
}

__global__ void divergent_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  if (threadIdx.x < 40) __syncthreads();
  output[threadIdx.x] = input[threadIdx.x];
}

__global__ void half_warp_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  if (threadIdx.x % 32 < 16) __syncwarp();
  output[threadIdx.x] = input[threadIdx.x];
}

__global__ void unwritten_kernel(GlobalPtr<const float>, GlobalPtr<float> output) {
  __shared__ SharedArray<float, kThreads> tile;
  output[threadIdx.x] = tile[threadIdx.x];
}

__global__ void warp_exchange_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  const SharedPtr<float> tile = dynamic_shared<float>();
  const int i = static_cast<int>(threadIdx.x);
  tile[i] = input[i];
  __syncwarp();
  output[i] = tile[i ^ 31];
}

// Every block writes the same place.
__global__ void crowded_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  if (threadIdx.x == 0) output[0] = input[0];
}

// Each block reads what the one before it wrote.
__global__ void passing_on_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  if (threadIdx.x != 0) return;
  float value = input[0];
  if (blockIdx.x > 0) value = output[blockIdx.x - 1];
  output[blockIdx.x] = value;
}

__global__ void half_warp_exchange_kernel(GlobalPtr<const float> input, GlobalPtr<float> output) {
  const SharedPtr<float> tile = dynamic_shared<float>();
  const int i = static_cast<int>(threadIdx.x);
  tile[i] = input[i];
  __syncwarp(i % 32 < 16 ? 0xffffu : 0xffff0000u);
  output[i] = tile[i ^ 15];
}

using Kernel = void (*)(GlobalPtr<const float>, GlobalPtr<float>);

std::vector<float> run(Kernel kernel, int blocks = 1) {
  const int count = blocks * kThreads;
  std::vector<float> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0.0f);
  const std::int64_t size_bytes = std::int64_t{count} * 4;
  const DeviceMemory input(size_bytes), output(size_bytes);
  Stream stream;
  upload(input.data(), values.data(), size_bytes, stream);
  launch({.kernel = "tested",
          .grid = static_cast<unsigned>(blocks),
          .block = kThreads,
          .smem_bytes = kThreads * 4,
          .stream = stream},
         kernel, input.as<const float>(), output.as<float>());
  download(values.data(), output.data(), size_bytes, stream);
  return values;
}

}  // namespace

TEST_CASE("emulator: a block shares memory between barriers, in any order of threads") {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    emulator::set_seed(seed);
    const std::vector<float> reversed = run(reverse_kernel, 3);
    for (std::size_t i = 0; i < reversed.size(); ++i) {
      CHECK(reversed[i] ==
            static_cast<float>(i / kThreads * kThreads + kThreads - 1 - i % kThreads));
    }
  }
}

TEST_CASE("emulator: a warp's barrier orders shared memory within the warp") {
  const std::vector<float> exchanged = run(warp_exchange_kernel);
  CHECK(exchanged[0] == 31);
  CHECK(exchanged[33] == 62);
}

TEST_CASE("emulator: a barrier of half a warp orders that half") {
  const std::vector<float> exchanged = run(half_warp_exchange_kernel);
  CHECK(exchanged[0] == 15);
  CHECK(exchanged[16] == 31);
}

TEST_CASE("emulator: blocks of a launch may not touch what another wrote") {
  CHECK_THROWS_WITH(run(crowded_kernel, 2), Contains("block"));
  CHECK_THROWS_WITH(run(passing_on_kernel, 2), Contains("block"));
  CHECK_THAT(last_error(), Contains("tested, block (1, 0, 0)"));
}

TEST_CASE("emulator: planted faults are named with kernel, block, thread and line") {
  const std::string place = "tested, block (0, 0, 0), thread (";
  const auto fault = [&](Kernel kernel, const std::string& what) {
    CHECK_THROWS_WITH(run(kernel),
                      Contains(place) && Contains("emulator_test.cpp:") && Contains(what));
  };
  fault(unsynchronised_kernel, "shared memory that");
  fault(overrunning_kernel, "writes bytes 256 to 259 of an allocation of 256");
  fault(halo_kernel, "reads outside of device memory");
  fault(misaligned_kernel, "misaligned access, 16 bytes");
  fault(divergent_kernel, "the barrier is not reached by all");
  fault(half_warp_kernel, "the __syncwarp is not reached by all");
  fault(unwritten_kernel, "reads shared memory that was never written");
}

TEST_CASE("emulator: device memory that was never written cannot be read") {
  const DeviceMemory memory(64);
  Stream stream;
  float value = 0;
  CHECK_THROWS_WITH(download(&value, memory.data(), 4, stream), Contains("never written"));
}

TEST_CASE("emulator: a captured graph runs when it is launched, as often as asked") {
  const DeviceMemory memory(4);
  Stream stream;
  const Graph graph = Graph::capture(stream, [&] { fill_async(memory.data(), 1, 4, stream); });
  std::uint32_t value = 0;
  CHECK_THROWS_AS(download(&value, memory.data(), 4, stream), CudaError);
  graph.launch(stream);
  graph.launch(stream);
  download(&value, memory.data(), 4, stream);
  CHECK(value == 0x01010101u);
}

}  // namespace lamina::kernels::cuda
