// The blocks that a launch runs at one time: one, or a cluster, whose blocks arrive at each other's
// mbarriers and share what the copy engine brings.
#pragma once

#include "kernels/cuda/emulator/block.h"

#include <functional>
#include <memory>
#include <vector>

namespace lamina::kernels::cuda::emulator {

/// What this host thread launches next does not overlap with what it launched before.
void end_chain();

/// Runs the clusters of one launch, one after another, on this host thread.
class Cluster {
 public:
  /// `seed` shuffles the order in which threads run. Errors: CudaError if no device would take the
  /// launch.
  Cluster(const LaunchShape& shape, const std::function<void()>& body, std::uint64_t seed);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// Runs the cluster that begins with this block to its end. Errors: CudaError that names kernel,
  /// block, thread and line.
  void run(dim3 first);

  int size() const { return static_cast<int>(blocks_.size()); }
  Block& block(int rank) { return *blocks_[static_cast<std::size_t>(rank)]; }

 private:
  /// Whether any thread could go on, or a copy landed, or a block's barrier was complete.
  bool advance();
  /// All threads of all blocks wait for each other, or nobody can go on for ever.
  void meet();
  [[noreturn]] void report_deadlock();

  std::vector<std::unique_ptr<Block>> blocks_;
};

}  // namespace lamina::kernels::cuda::emulator
