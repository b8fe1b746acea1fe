// Long runs of bytes in steps that fit a core's cache, with progress between them.
#pragma once

#include <lamina/serialization/load.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lamina::serialization {

/// Small enough that a write finds in cache what the checksum has just read.
inline constexpr std::size_t kStepBytes = std::size_t{1} << 20;

template <typename F>
void in_steps(std::span<const std::byte> bytes, F&& f) {
  while (!bytes.empty()) {
    const auto step = bytes.first(std::min(bytes.size(), kStepBytes));
    f(step);
    bytes = bytes.subspan(step.size());
  }
}

/// Counts what is written and tells the caller, if the caller asked.
class SaveProgress {
 public:
  SaveProgress(const ByteProgress& callback, std::int64_t total)
      : callback_(callback), total_(total) {}

  void advance(std::span<const std::byte> step) {
    done_ += static_cast<std::int64_t>(step.size());
    if (callback_) callback_(done_, total_);
  }

 private:
  const ByteProgress& callback_;
  std::int64_t total_;
  std::int64_t done_ = 0;
};

}  // namespace lamina::serialization
