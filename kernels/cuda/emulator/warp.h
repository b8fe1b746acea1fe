// Operations of a warp for the host compiler: lanes bring their values, and the last one computes
// what each gets.
#pragma once

#include "kernels/cuda/emulator/block.h"

#include <cstdint>

namespace lamina::kernels::cuda::emulator {

/// What a lane brings to a shuffle.
template <typename T>
struct Exchange {
  T value;
  int source;  // the lane whose value it wants; out of the warp: its own
  T result;
};

template <typename T>
T exchange(unsigned mask, T value, int source, const char* operation, Where where) {
  Exchange<T> mine{value, source, value};
  const WarpAction action = [](void* const* lanes) {
    for (int i = 0; i < kWarp; ++i) {
      auto* const lane = static_cast<Exchange<T>*>(lanes[i]);
      if (lane == nullptr || lane->source < 0 || lane->source >= kWarp) continue;
      const auto* const from = static_cast<const Exchange<T>*>(lanes[lane->source]);
      // A lane that takes no part has no value to give; hardware gives anything.
      if (from != nullptr) lane->result = from->value;
    }
  };
  current_block().warp_operation({mask, &mine, action, operation}, where);
  return mine.result;
}

struct Vote {
  bool yes;
  unsigned ballot;
};

inline unsigned vote(unsigned mask, bool yes, const char* operation, Where where) {
  Vote mine{yes, 0};
  const WarpAction action = [](void* const* lanes) {
    unsigned ballot = 0;
    for (int i = 0; i < kWarp; ++i) {
      const auto* const lane = static_cast<const Vote*>(lanes[i]);
      if (lane != nullptr && lane->yes) ballot |= 1u << i;
    }
    for (int i = 0; i < kWarp; ++i) {
      if (lanes[i] != nullptr) static_cast<Vote*>(lanes[i])->ballot = ballot;
    }
  };
  current_block().warp_operation({mask, &mine, action, operation}, where);
  return mine.ballot;
}

inline int lane_number() { return current_block().thread().number % kWarp; }

}  // namespace lamina::kernels::cuda::emulator

inline void __syncwarp(unsigned mask = 0xffffffffu, lamina::kernels::cuda::emulator::Where where =
                                                        std::source_location::current()) {
  using namespace lamina::kernels::cuda::emulator;
  if (is_faulty(SiteKind::warp_barrier, where)) return;
  current_block().warp_operation({mask, nullptr, nullptr, "__syncwarp"}, where);
}

template <typename T>
T __shfl_sync(unsigned mask, T value, int source,
              lamina::kernels::cuda::emulator::Where where = std::source_location::current()) {
  return lamina::kernels::cuda::emulator::exchange(mask, value, source & 31, "__shfl_sync", where);
}

template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lanes,
                  lamina::kernels::cuda::emulator::Where where = std::source_location::current()) {
  using namespace lamina::kernels::cuda::emulator;
  return exchange(mask, value, lane_number() ^ lanes, "__shfl_xor_sync", where);
}

template <typename T>
T __shfl_down_sync(unsigned mask, T value, int lanes,
                   lamina::kernels::cuda::emulator::Where where = std::source_location::current()) {
  using namespace lamina::kernels::cuda::emulator;
  return exchange(mask, value, lane_number() + lanes, "__shfl_down_sync", where);
}

template <typename T>
T __shfl_up_sync(unsigned mask, T value, int lanes,
                 lamina::kernels::cuda::emulator::Where where = std::source_location::current()) {
  using namespace lamina::kernels::cuda::emulator;
  return exchange(mask, value, lane_number() - lanes, "__shfl_up_sync", where);
}

inline unsigned __ballot_sync(
    unsigned mask, bool yes,
    lamina::kernels::cuda::emulator::Where where = std::source_location::current()) {
  return lamina::kernels::cuda::emulator::vote(mask, yes, "__ballot_sync", where);
}

inline bool __any_sync(
    unsigned mask, bool yes,
    lamina::kernels::cuda::emulator::Where where = std::source_location::current()) {
  return lamina::kernels::cuda::emulator::vote(mask, yes, "__any_sync", where) != 0;
}
