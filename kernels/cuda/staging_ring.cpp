#include "kernels/cuda/staging_ring.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace lamina::kernels::cuda {
namespace {

// Each piece starts where the copy engine reads fastest.
constexpr std::int64_t kPieceAlignment = 256;

}  // namespace

StagingRing::StagingRing(CopyEngine& engine, std::int64_t buffer_bytes, int buffer_count)
    : engine_(engine), buffer_bytes_(buffer_bytes) {
  assert(buffer_bytes > 0 && buffer_count > 0);
  buffers_.reserve(static_cast<std::size_t>(buffer_count));
  try {
    for (int i = 0; i < buffer_count; ++i) {
      buffers_.push_back(static_cast<std::byte*>(engine_.allocate_pinned(buffer_bytes)));
    }
  } catch (...) {
    for (std::byte* buffer : buffers_) engine_.free_pinned(buffer);
    throw;
  }
}

StagingRing::~StagingRing() {
  try {
    finish();
  } catch (...) {
    // The device has failed: whoever uploads next, or waits for the stream, is told.
  }
  for (std::byte* buffer : buffers_) engine_.free_pinned(buffer);
}

void StagingRing::upload(void* device, const void* host, std::int64_t size_bytes) {
  auto* target = static_cast<std::byte*>(device);
  const auto* source = static_cast<const std::byte*>(host);
  while (size_bytes > 0) {
    if (used_bytes_ >= buffer_bytes_) next_buffer();
    const std::int64_t piece = std::min(size_bytes, buffer_bytes_ - used_bytes_);
    std::byte* pinned = buffers_[static_cast<std::size_t>(current_)] + used_bytes_;
    std::memcpy(pinned, source, static_cast<std::size_t>(piece));
    engine_.copy(target, pinned, piece);
    engine_.mark(current_);
    used_bytes_ += (piece + kPieceAlignment - 1) / kPieceAlignment * kPieceAlignment;
    target += piece;
    source += piece;
    size_bytes -= piece;
  }
}

void StagingRing::next_buffer() {
  current_ = (current_ + 1) % static_cast<int>(buffers_.size());
  engine_.wait(current_);
  used_bytes_ = 0;
}

void StagingRing::finish() {
  // One stream's copies end in the order they were queued, so the last mark stands for all.
  engine_.wait(current_);
  used_bytes_ = 0;
}

}  // namespace lamina::kernels::cuda
