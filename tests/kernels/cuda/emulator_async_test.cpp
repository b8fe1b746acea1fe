// What a Hopper kernel is made of, in the emulator: the copy engine, mbarriers, products of a
// warpgroup. Each rule is broken once.
#include "kernels/cuda/element.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx/bulk_copy.cuh"
#include "kernels/cuda/ptx/wgmma.cuh"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace lamina::kernels::cuda {
namespace {

using Catch::Matchers::Contains;
using T = __nv_bfloat16;

constexpr int kSide = 64, kTileBytes = kSide * kSide * 2, kConsumers = 128, kDepth = 16;

// What a kernel leaves out.
enum class Fault {
  none,
  full_wait,        // consumers do not wait for the copies
  empty_wait,       // the producer does not wait for the consumers
  early_arrival,    // consumers arrive before their products are done
  expected_bytes,   // fewer bytes are announced than come
  fence,            // no wgmma_fence
  products_wait,    // results are stored before they are there
  proxy_fence,      // the copy engine stores what it may not see yet
  store_wait,       // the buffer of a store is written again at once
  mbarrier_fence,   // the copy engine may not see the mbarriers
  mbarrier_barrier  // nor may the threads
};

struct Places {
  SharedPtr<Mbarrier> full = dynamic_shared<Mbarrier>(4 * kTileBytes);
  SharedPtr<Mbarrier> empty = dynamic_shared<Mbarrier>(4 * kTileBytes + 8);
  SharedPtr<T> a = dynamic_shared<T>(), b = dynamic_shared<T>(kTileBytes);
  SharedPtr<T> out = dynamic_shared<T>(2 * kTileBytes);
};

__device__ void produce(const TensorMap& a, const TensorMap& b, int tiles, Fault fault) {
  const Places at;
  for (int i = 0; i < tiles; ++i) {
    if (i > 0 && fault != Fault::empty_wait) {
      mbarrier_wait(at.empty, static_cast<unsigned>(i - 1) & 1);
    }
    mbarrier_arrive_expect(at.full, fault == Fault::expected_bytes ? kTileBytes : 2 * kTileBytes);
    load_box(at.a, a, at.full, i * kSide, -1);
    load_box(at.b, b, at.full, i * kSide, 0);
  }
}

__device__ void consume(const TensorMap& result, int tiles, Fault fault) {
  const Places at;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
  const bool tells = lane == 0;
  float d[kSide / 2];
  for (int i = 0; i < tiles; ++i) {
    if (fault != Fault::full_wait) mbarrier_wait(at.full, static_cast<unsigned>(i) & 1);
    if (fault != Fault::fence) wgmma_fence(d);
    for (int k = 0; k < kSide / kDepth; ++k) {
      wgmma<T>(d, matrix_at(at.a, k), matrix_at(at.b, k), i + k > 0);
    }
    wgmma_commit();
    if (fault == Fault::early_arrival && tells) mbarrier_arrive(at.empty);
    if (fault != Fault::products_wait) wgmma_wait<0>(d);
    if (fault != Fault::early_arrival && tells) mbarrier_arrive(at.empty);
  }
  for (int j = 0; j < kSide / 2; ++j) {
    const int row = thread / 32 * 16 + lane / 4 + j / 2 % 2 * 8;
    const int column = j / 4 * 8 + lane % 4 * 2 + j % 2;
    at.out[row * kSide + (column / 8 ^ row % 8) * 8 + column % 8] = from_float<T>(d[j]);
  }
  if (fault == Fault::products_wait) wgmma_wait<0>(d);
  if (fault != Fault::proxy_fence) fence_proxy_async();
  named_barrier(1, kConsumers);
  if (thread != 0) return;
  store_box(result, at.out, 0, 1, 0, 0);
  store_box_commit();
  if (fault == Fault::store_wait) at.out[0] = from_float<T>(0);
  store_box_wait<0>();
}

__global__ void product_kernel(const __grid_constant__ TensorMap a,
                               const __grid_constant__ TensorMap b,
                               const __grid_constant__ TensorMap result, int tiles, Fault fault) {
  const Places at;
  if (threadIdx.x == 0) {
    mbarrier_init(at.full, 1);
    mbarrier_init(at.empty, kConsumers / 32);
    if (fault != Fault::mbarrier_fence) mbarrier_fence_init();
  }
  if (fault != Fault::mbarrier_barrier) __syncthreads();
  if (threadIdx.x >= kConsumers) {
    give_registers<24>();
    if (threadIdx.x == kConsumers) produce(a, b, tiles, fault);
  } else {
    take_registers<240>();
    consume(result, tiles, fault);
  }
}

// a [64][k] and b [64][k] with whole numbers; a's rows come one later, the first one from outside.
std::vector<float> multiply(int tiles, Fault fault) {
  const int k = tiles * kSide;
  const auto value = [](int row, int i, int seed) {
    return static_cast<float>((row * 7 + i * 3 + seed) % 9 - 4);
  };
  std::vector<T> a, b;
  for (int row = 0; row < kSide; ++row) {
    for (int i = 0; i < k; ++i) {
      a.push_back(from_float<T>(value(row, i, 1)));
      b.push_back(from_float<T>(value(row, i, 5)));
    }
  }
  const DeviceMemory da(std::int64_t{2} * kSide * k), db(std::int64_t{2} * kSide * k);
  const DeviceMemory result(2 * kSide * (kSide + 1));
  Stream stream;
  upload(da.data(), a.data(), da.size_bytes(), stream);
  upload(db.data(), b.data(), db.size_bytes(), stream);
  fill_async(result.data(), 0, result.size_bytes(), stream);
  const auto matrix = [&](const DeviceMemory& memory) {
    return make_tensor_map(memory.data(), {{k, 2, kSide}, {kSide, 2 * k, kSide}});
  };
  // The last of its rows lies outside of the tensor.
  const TensorMap out = make_tensor_map(
      result.data(), {{kSide, 2, kSide}, {kSide, 2 * kSide, kSide}, {1, 16, 1}, {1, 16, 1}});
  launch({.kernel = "product",
          .grid = 1,
          .block = 2 * kConsumers,
          .smem_bytes = 4 * kTileBytes + 16,
          .stream = stream},
         product_kernel, matrix(da), matrix(db), out, tiles, fault);
  std::vector<T> bits(static_cast<std::size_t>(kSide * (kSide + 1)));
  download(bits.data(), result.data(), result.size_bytes(), stream);
  std::vector<float> wrong;
  for (int row = 0; row <= kSide; ++row) {
    for (int column = 0; column < kSide; ++column) {
      float sum = 0;
      const bool is_stored = row >= 1 && row < kSide;
      // Row 0 of the product reads a's row -1, and lands in row 1.
      for (int i = 0; is_stored && row >= 2 && i < k; ++i) {
        sum += value(row - 2, i, 1) * value(column, i, 5);
      }
      const float got = to_float(bits[static_cast<std::size_t>(row * kSide + column)]);
      if (got != to_float(from_float<T>(sum))) wrong.push_back(got);
    }
  }
  return wrong;
}

// Copies may land at once or late, as the seed says: a fault must show with one of them.
std::string complaint(int tiles, Fault fault) {
  std::string all;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    emulator::set_seed(seed);
    try {
      if (!multiply(tiles, fault).empty()) all += "wrong values\n";
    } catch (const CudaError& error) {
      all += std::string(error.what()) + "\n";
    }
  }
  emulator::set_seed(0);
  return all;
}

}  // namespace

TEST_CASE("emulator: a warpgroup multiplies what the copy engine brings, and stores it", "[cuda]") {
  CHECK(complaint(1, Fault::none) == "");
  CHECK(complaint(3, Fault::none) == "");
}

TEST_CASE("emulator: what a kernel of sm_90 leaves out is found", "[cuda]") {
  CHECK_THAT(complaint(2, Fault::full_wait), Contains("under way") || Contains("without waiting"));
  CHECK_THAT(complaint(3, Fault::empty_wait), Contains("writes what a copy brought"));
  CHECK_THAT(complaint(3, Fault::early_arrival),
             Contains("the tensor cores or the copy engine may still read"));
  CHECK_THAT(complaint(1, Fault::expected_bytes), Contains("mbarrier"));
  CHECK_THAT(complaint(1, Fault::fence), Contains("wgmma without wgmma_fence"));
  CHECK_THAT(complaint(1, Fault::products_wait), Contains("wrong values"));
  CHECK_THAT(complaint(1, Fault::proxy_fence), Contains("without fence_proxy_async"));
  CHECK_THAT(complaint(1, Fault::store_wait), Contains("may still read"));
  CHECK_THAT(complaint(1, Fault::mbarrier_fence), Contains("without mbarrier_fence_init"));
  CHECK_THAT(complaint(1, Fault::mbarrier_barrier),
             Contains("without a barrier between") || Contains("no mbarrier"));
}

}  // namespace lamina::kernels::cuda
