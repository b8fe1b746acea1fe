// How often, and how long apart, a download is tried.
#pragma once

#include "models/download/http.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>

namespace lamina::models::detail {

/// Waits double from `first_wait` on, less a random part, so that many machines that lost a server
/// together do not come back together.
struct DownloadPace {
  int tries = 5;              ///< without any headway
  int tries_unreachable = 3;  ///< the same while no server has answered at all
  std::chrono::milliseconds first_wait{1000};
  std::chrono::milliseconds longest_wait{120'000};  ///< even where the server asks for more
  HttpLimits limits = {};
};

/// A try that failed, where the next one may not. Thrown within a download only.
struct Setback {
  std::string what;
  bool unreachable = false;                            ///< no connection was made
  std::optional<std::chrono::milliseconds> wait = {};  ///< as the server asks; 0: none is needed
};

class Patience {
 public:
  /// For a download of which `bytes` are there.
  Patience(const DownloadPace& pace, std::int64_t bytes) : pace_(pace), furthest_(bytes) {}

  void begin_try() { begun_ = Clock::now(); }
  void answered() { answered_ = true; }

  /// The wait before the next try; nothing where there should be none. A mebibyte more than ever
  /// before earns the full number of tries again.
  std::optional<std::chrono::milliseconds> after(const Setback& setback, std::int64_t bytes);

  int failures() const { return failures_; }
  int tries() const { return answered_ ? pace_.tries : pace_.tries_unreachable; }

 private:
  using Clock = std::chrono::steady_clock;
  std::chrono::milliseconds growing_wait();

  const DownloadPace pace_;
  std::int64_t furthest_;  // size that last counted as headway
  int failures_ = 0;       // since then
  bool answered_ = false;
  Clock::time_point begun_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace lamina::models::detail
