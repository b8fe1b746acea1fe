// What the lanes of one warp know of each other's accesses.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace lamina::kernels::cuda::emulator {

inline constexpr int kWarp = 32;

/// A barrier of some lanes makes known to all of them what each has done, and what each knew of
/// others. Times are numbers of events, as in Moment.
class WarpOrder {
 public:
  /// seen[lane]: what that lane did up to this event is ordered before the row's owner goes on.
  /// seen[kWarp]: the earliest of all lanes.
  using Row = std::array<std::uint32_t, kWarp + 1>;

  /// `lanes`: how many the warp has; a block's last warp may be short.
  void reset(int lanes) {
    lanes_ = lanes;
    for (Row& row : seen_) row.fill(0);
  }

  const Row& of(int lane) const { return seen_[static_cast<std::size_t>(lane)]; }

  /// The lanes of `mask` meet.
  void meet(unsigned mask, std::uint32_t event) {
    Row met{};
    for (std::size_t lane = 0; lane < kWarp; ++lane) {
      if ((mask >> lane & 1) == 0) continue;
      for (std::size_t i = 0; i < kWarp; ++i) met[i] = std::max(met[i], seen_[lane][i]);
    }
    for (std::size_t lane = 0; lane < kWarp; ++lane) {
      if (mask >> lane & 1) met[lane] = event;
    }
    met[kWarp] = *std::min_element(met.begin(), met.begin() + lanes_);
    for (std::size_t lane = 0; lane < kWarp; ++lane) {
      if (mask >> lane & 1) seen_[lane] = met;
    }
  }

 private:
  std::array<Row, kWarp> seen_{};
  int lanes_ = kWarp;
};

}  // namespace lamina::kernels::cuda::emulator
