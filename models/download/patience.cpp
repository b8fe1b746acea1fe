#include "models/download/patience.h"

#include <algorithm>

namespace lamina::models::detail {

using std::chrono::milliseconds;

std::optional<milliseconds> Patience::after(const Setback& setback, std::int64_t bytes) {
  constexpr std::int64_t kHeadwayBytes = 1 << 20;
  if (bytes >= furthest_ + kHeadwayBytes) {
    furthest_ = bytes;
    failures_ = 0;
  }
  ++failures_;
  if (!setback.unreachable) answered_ = true;
  // Where nobody answers for so long, a firewall drops what we send, and will the next time.
  const bool long_silence = !answered_ && Clock::now() - begun_ > pace_.limits.connect_timeout / 2;
  if (failures_ >= tries() || long_silence) return std::nullopt;
  return std::min(setback.wait.value_or(growing_wait()), pace_.longest_wait);
}

milliseconds Patience::growing_wait() {
  const double most = static_cast<double>(pace_.first_wait.count()) * (1 << (failures_ - 1));
  const double part = std::uniform_real_distribution(0.5, 1.0)(random_);
  return milliseconds(static_cast<std::int64_t>(most * part));
}

}  // namespace lamina::models::detail
