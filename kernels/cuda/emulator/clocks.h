// What the threads of a cluster know of each other's accesses by other means than barriers of a
// block or of a warp: mbarriers and named barriers order some threads and not others.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lamina::kernels::cuda::emulator {

inline constexpr int kMostMbarriers = 64;

/// An event for each thread of the cluster's first block, then for the copies of each of its
/// mbarriers, then for those of the next block: what that one did up to the event, as its block
/// counts events, is ordered before what the clock's owner does from now on.
using Clock = std::vector<std::uint32_t>;

inline void join(Clock& clock, const Clock& other) {
  for (std::size_t i = 0; i < other.size(); ++i) clock[i] = std::max(clock[i], other[i]);
}

/// The clocks of a block's threads. Until one is asked for there are none: most kernels need none.
class Clocks {
 public:
  /// `threads` of each of the cluster's blocks.
  void reset(int threads, int blocks) {
    threads_ = threads;
    blocks_ = blocks;
    clocks_.clear();
  }
  bool exist() const { return !clocks_.empty(); }
  /// Where a clock's part for the block of this rank begins.
  int begin_of(int rank) const { return rank * (threads_ + kMostMbarriers); }
  /// What a thread knows of the block of this rank; null where it knows nothing.
  const std::uint32_t* of(int thread, int rank) const {
    return exist() ? clocks_[static_cast<std::size_t>(thread)].data() + begin_of(rank) : nullptr;
  }
  Clock blank() const { return Clock(static_cast<std::size_t>(begin_of(blocks_))); }
  Clock& own(int thread) {
    if (!exist()) clocks_.resize(static_cast<std::size_t>(threads_), blank());
    return clocks_[static_cast<std::size_t>(thread)];
  }

 private:
  int threads_ = 0, blocks_ = 1;
  std::vector<Clock> clocks_;
};

}  // namespace lamina::kernels::cuda::emulator
