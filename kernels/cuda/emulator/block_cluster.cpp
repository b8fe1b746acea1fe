#include "kernels/cuda/emulator/block_cluster.h"

#include <lamina/core/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

namespace lamina::kernels::cuda::emulator {
namespace {

// What every device of compute capability 9.0 takes.
constexpr int kMostBlocks = 8;

std::atomic<std::uint64_t> last_serial{0};

// The first launch of those that may run at once; 0: none.
thread_local std::uint64_t chain = 0;

std::uint64_t block_count(const LaunchShape& shape) {
  return std::uint64_t{shape.grid.x} * shape.grid.y * shape.grid.z;
}

void check_launch_shape(const LaunchShape& shape) {
  const std::size_t count = std::size_t{shape.block.x} * shape.block.y * shape.block.z;
  std::string what;
  if (count == 0 || count > 1024 || shape.block.z > 64) {
    what = fmt::format("a block of {} threads", text_of(shape.block));
  } else if (shape.grid.x == 0 || shape.grid.y == 0 || shape.grid.z == 0 ||
             shape.grid.x > 0x7fffffff || shape.grid.y > 65535 || shape.grid.z > 65535) {
    what = fmt::format("a grid of {} blocks", text_of(shape.grid));
  } else if (shape.smem_bytes < 0 || shape.smem_bytes > SharedMemory::kCapacity) {
    what = fmt::format("{} bytes of dynamic shared memory, at most {} are there", shape.smem_bytes,
                       SharedMemory::kCapacity);
  } else if (shape.cluster < 1 || shape.cluster > kMostBlocks ||
             shape.grid.x % static_cast<unsigned>(shape.cluster) != 0) {
    what = fmt::format("clusters of {} blocks in a grid of {}", shape.cluster, text_of(shape.grid));
  }
  if (!what.empty()) throw CudaError(fmt::format("[cuda] {}: {}", shape.kernel, what));
}

// One number for the launch, the next for its blocks: device memory remembers them.
LaunchSerials next_serials(const LaunchShape& shape) {
  const std::uint64_t launch = last_serial.fetch_add(block_count(shape) + 1) + 1;
  if (!shape.overlaps || chain == 0) chain = launch;
  return {launch, chain};
}

}  // namespace

void end_chain() { chain = 0; }

Cluster::Cluster(const LaunchShape& shape, const std::function<void()>& body, std::uint64_t seed) {
  check_launch_shape(shape);
  const LaunchSerials serials = next_serials(shape);
  for (int rank = 0; rank < shape.cluster; ++rank) {
    blocks_.push_back(std::make_unique<Block>(*this, rank, shape, body, seed, serials));
  }
}

void Cluster::run(dim3 first) {
  for (const auto& block : blocks_) block->begin({first.x + block->rank(), first.y, first.z});
  const auto has_ended = [](const auto& block) { return block->has_ended(); };
  while (!std::all_of(blocks_.begin(), blocks_.end(), has_ended)) {
    if (!advance()) meet();
  }
}

bool Cluster::advance() {
  bool some = false;
  for (const auto& block : blocks_) some |= block->run_ready();
  if (some) return true;
  for (const auto& block : blocks_) some |= block->land_one();
  if (some) return true;
  for (const auto& block : blocks_) some |= block->release_block_barrier();
  return some;
}

void Cluster::meet() {
  for (const auto& block : blocks_) {
    const bool is_there = block->is_at_cluster_barrier() && !block->has_ended() &&
                          same_line(block->thread_at(0).where, blocks_[0]->thread_at(0).where);
    if (!is_there) report_deadlock();
  }
  Clock all = blocks_[0]->blank_clock();
  for (const auto& block : blocks_) block->tell_all(all);
  for (const auto& block : blocks_) block->learn_all(all);
}

void Cluster::report_deadlock() {
  for (const auto& block : blocks_) {
    if (!block->has_ended() && !block->is_at_cluster_barrier()) block->report_deadlock();
  }
  // Whole blocks wait for whole blocks.
  const auto waits = [](const auto& block) { return !block->has_ended(); };
  const Block& first = **std::find_if(blocks_.begin(), blocks_.end(), waits);
  const auto elsewhere = [&](const auto& block) {
    return block->has_ended() || !same_line(block->thread_at(0).where, first.thread_at(0).where);
  };
  const Block& other = **std::find_if(blocks_.begin(), blocks_.end(), elsewhere);
  first.report_missing(other);
}

}  // namespace lamina::kernels::cuda::emulator
