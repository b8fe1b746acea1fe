// Clusters in the emulator: blocks that share boxes and arrive at each other's mbarriers. Each rule
// is broken once.
#include "kernels/cuda/element.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx/cluster.cuh"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace lamina::kernels::cuda {
namespace {

using Catch::Matchers::Contains;
using T = __nv_bfloat16;

constexpr int kRows = 8, kColumns = 64, kPartBytes = kRows * kColumns * 2, kSteps = 3;
constexpr int kMostBlocks = 4, kConsumers = 32, kThreads = 2 * kConsumers;

// What a kernel leaves out.
enum class Fault {
  none,
  first_sync,      // mbarriers are used before the other block is known to have made them
  mbarrier_fence,  // nor has it made them known
  last_sync,       // a block leaves while others may reach into it
  one_leaves,      // and one of them waits for it
  other_arrivals,  // consumers tell only their own producer
  few_arrivals,    // and it waits only for them
  early_arrival,   // consumers tell before they have read
  full_wait,       // consumers do not wait for the copies
  expected_bytes,  // a block does not count what the others send
  mask,            // a copy goes to a block that is not there
  rank             // and an arrival
};

struct Places {
  SharedPtr<T> parts = dynamic_shared<T>();
  SharedPtr<Mbarrier> full = dynamic_shared<Mbarrier>(kMostBlocks * kPartBytes);
  SharedPtr<Mbarrier> empty = dynamic_shared<Mbarrier>(kMostBlocks * kPartBytes + 8);
};

__device__ void produce(const TensorMap& rows, int blocks, Fault fault) {
  const Places at;
  const int rank = cluster_rank();
  const unsigned all = (1u << blocks) - 1;
  for (int i = 0; i < kSteps; ++i) {
    if (i > 0) mbarrier_wait(at.empty, static_cast<unsigned>(i - 1) & 1);
    mbarrier_arrive_expect(at.full, (fault == Fault::expected_bytes ? 1 : blocks) * kPartBytes);
    load_box_to(fault == Fault::mask ? all + 1 : all, at.parts + rank * kRows * kColumns, rows,
                at.full, 0, (i * blocks + rank) * kRows);
  }
}

// The first of each row that came, of all blocks' parts, to result [blocks][kSteps][blocks][kRows].
__device__ void consume(GlobalPtr<float> result, int blocks, Fault fault) {
  const Places at;
  const int lane = static_cast<int>(threadIdx.x), rank = cluster_rank();
  const auto tell = [&] {
    __syncwarp();
    if (lane != 0) return;
    for (int other = 0; other < blocks; ++other) {
      const bool only_own = fault == Fault::other_arrivals || fault == Fault::few_arrivals;
      if (only_own && other != rank) continue;
      mbarrier_arrive_at(at.empty, fault == Fault::rank ? other + 1 : other);
    }
  };
  for (int i = 0; i < kSteps; ++i) {
    if (fault != Fault::full_wait) mbarrier_wait(at.full, static_cast<unsigned>(i) & 1);
    if (fault == Fault::early_arrival) tell();
    if (lane < blocks * kRows) {
      const T first = at.parts[lane * kColumns + lane % 8 * 8];
      result[((rank * kSteps) + i) * blocks * kRows + lane] = to_float(first);
    }
    if (fault != Fault::early_arrival) tell();
  }
}

__global__ void share_kernel(const __grid_constant__ TensorMap rows, GlobalPtr<float> result,
                             int blocks, Fault fault) {
  const Places at;
  if (threadIdx.x == 0) {
    mbarrier_init(at.full, 1);
    mbarrier_init(at.empty, fault == Fault::few_arrivals ? 1 : blocks);
    if (fault != Fault::mbarrier_fence) mbarrier_fence_init();
  }
  if (fault == Fault::first_sync) {
    __syncthreads();
  } else {
    cluster_sync();
  }
  if (threadIdx.x < kConsumers) {
    consume(result, blocks, fault);
  } else if (threadIdx.x == kConsumers) {
    produce(rows, blocks, fault);
  }
  if (fault == Fault::last_sync || (fault == Fault::one_leaves && cluster_rank() == 1)) return;
  cluster_sync();
}

// A row of the tensor holds its number. Every block must see every row.
std::string share(int blocks, Fault fault) {
  std::vector<T> rows;
  for (int row = 0; row < kSteps * blocks * kRows; ++row) {
    rows.insert(rows.end(), kColumns, from_float<T>(static_cast<float>(row)));
  }
  const int seen = kSteps * blocks * kRows;
  const DeviceMemory tensor(std::int64_t{2} * kColumns * seen);
  const DeviceMemory result(std::int64_t{4} * blocks * seen);
  Stream stream;
  upload(tensor.data(), rows.data(), tensor.size_bytes(), stream);
  launch({.kernel = "share",
          .grid = static_cast<unsigned>(blocks),
          .block = kThreads,
          .smem_bytes = kMostBlocks * kPartBytes + 16,
          .cluster = blocks,
          .stream = stream},
         share_kernel,
         make_tensor_map(tensor.data(), {{kColumns, 2, kColumns}, {seen, 2 * kColumns, kRows}}),
         result.as<float>(), blocks, fault);
  std::vector<float> values(static_cast<std::size_t>(blocks * seen));
  download(values.data(), result.data(), result.size_bytes(), stream);
  for (int i = 0; i < blocks * seen; ++i) {
    const auto value = static_cast<int>(values[static_cast<std::size_t>(i)]);
    if (value != i % seen) return "wrong values\n";
  }
  return {};
}

// Each of these seeds must find the fault: who runs first is chance, and copies land at once or
// late.
void check_found(Fault fault, const std::string& text, const std::string& or_text = "in no case") {
  for (const int blocks : {2, 4}) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      INFO("fault " << static_cast<int>(fault) << ", " << blocks << " blocks, seed " << seed);
      emulator::set_seed(seed);
      std::string found;
      try {
        found = share(blocks, fault);
      } catch (const CudaError& error) {
        found = error.what();
      }
      CHECK_THAT(found, Contains(text) || Contains(or_text));
    }
  }
  emulator::set_seed(0);
}

__global__ void rank_kernel(GlobalPtr<float> result) {
  __shared__ SharedArray<float, kThreads> own;
  own[threadIdx.x] = static_cast<float>(blockIdx.x * 10 + static_cast<unsigned>(cluster_rank()));
  cluster_sync();
  result[blockIdx.x * kThreads + threadIdx.x] = own[kThreads - 1 - threadIdx.x];
}

}  // namespace

TEST_CASE("emulator: what one block of a cluster asks for lands in all", "[cuda]") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    emulator::set_seed(seed);
    CHECK(share(1, Fault::none) == "");
    CHECK(share(2, Fault::none) == "");
    CHECK(share(4, Fault::none) == "");
  }
  emulator::set_seed(0);
}

TEST_CASE("emulator: blocks of a cluster have their own shared memory and ranks", "[cuda]") {
  constexpr int kBlocks = 6;
  const DeviceMemory result(4 * kBlocks * kThreads);
  Stream stream;
  launch({.kernel = "rank", .grid = kBlocks, .block = kThreads, .cluster = 2, .stream = stream},
         rank_kernel, result.as<float>());
  std::vector<float> values(kBlocks * kThreads);
  download(values.data(), result.data(), result.size_bytes(), stream);
  for (int i = 0; i < kBlocks * kThreads; ++i) {
    const int block = i / kThreads;
    CHECK(values[static_cast<std::size_t>(i)] == static_cast<float>(block * 10 + block % 2));
  }
}

TEST_CASE("emulator: what a cluster leaves out is found", "[cuda]") {
  check_found(Fault::first_sync, "no mbarrier that was initialised", "without a barrier between");
  check_found(Fault::mbarrier_fence, "without mbarrier_fence_init");
  check_found(Fault::last_sync, "ends while another block", "has ended, its shared memory");
  check_found(Fault::one_leaves, "the cluster's barrier is not reached by all: block (1, 0, 0)",
              "ends while another block");
  check_found(Fault::other_arrivals, "waits for ever for its mbarrier");
  check_found(Fault::few_arrivals, "writes what a copy brought, without waiting");
  check_found(Fault::early_arrival, "race: ", "without waiting for its mbarrier");
  check_found(Fault::full_wait, "reads shared memory", "without waiting for its mbarrier");
  check_found(Fault::expected_bytes, "reads shared memory", "mbarrier");
  check_found(Fault::mask, "a mask");
  check_found(Fault::rank, "of a cluster of");
}

TEST_CASE("emulator: a grid has whole clusters, of no more than 8 blocks", "[cuda]") {
  const DeviceMemory result(4 * 18 * kThreads);
  Stream stream;
  const auto start = [&](unsigned grid, int cluster) {
    launch(
        {.kernel = "rank", .grid = grid, .block = kThreads, .cluster = cluster, .stream = stream},
        rank_kernel, result.as<float>());
  };
  CHECK_NOTHROW(start(16, 8));
  CHECK_THROWS_WITH(start(3, 2), Contains("clusters of 2 blocks in a grid of (3, 1, 1)"));
  CHECK_THROWS_WITH(start(18, 9), Contains("clusters of 9 blocks"));
}

}  // namespace lamina::kernels::cuda
