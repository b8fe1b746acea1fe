// What the threads of a block know of each other's accesses by other means than barriers of the
// block or of a warp: mbarriers and named barriers order some threads and not others.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lamina::kernels::cuda::emulator {

inline constexpr int kMostMbarriers = 64;

/// An event for each thread of the block, then for the copies of each mbarrier: what that one did
/// up to the event is ordered before what the clock's owner does from now on.
using Clock = std::vector<std::uint32_t>;

inline void join(Clock& clock, const Clock& other) {
  for (std::size_t i = 0; i < other.size(); ++i) clock[i] = std::max(clock[i], other[i]);
}

/// The clocks of a block's threads. Until one is asked for there are none: most kernels need none.
class Clocks {
 public:
  void reset(int threads) {
    threads_ = threads;
    clocks_.clear();
  }
  bool exist() const { return !clocks_.empty(); }
  const std::uint32_t* of(int thread) const {
    return exist() ? clocks_[static_cast<std::size_t>(thread)].data() : nullptr;
  }
  Clock blank() const { return Clock(static_cast<std::size_t>(threads_ + kMostMbarriers)); }
  Clock& own(int thread) {
    if (!exist()) clocks_.resize(static_cast<std::size_t>(threads_), blank());
    return clocks_[static_cast<std::size_t>(thread)];
  }

 private:
  int threads_ = 0;
  std::vector<Clock> clocks_;
};

}  // namespace lamina::kernels::cuda::emulator
