#include "kernels/cuda/memory_pool.h"

#include "kernels/cuda/text.h"

#include <lamina/core/error.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>

namespace lamina::kernels::cuda {
namespace {

constexpr std::int64_t kSmallest = 512;
constexpr std::int64_t kDriverPage = std::int64_t{2} << 20;  // what cudaMalloc takes memory in

std::int64_t round_up(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step * step;
}

}  // namespace

MemoryPool::~MemoryPool() {
  assert(in_use_.empty());
  release_cached_locked();
}

std::int64_t MemoryPool::class_of(std::int64_t size_bytes) {
  if (size_bytes <= kSmallest) return kSmallest;
  // Four classes an octave, until a quarter of an octave is a driver's page.
  const auto octave =
      static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(size_bytes)));
  return round_up(size_bytes, std::min(octave / 4, kDriverPage));
}

void* MemoryPool::allocate(std::int64_t size_bytes, StreamId stream) {
  if (size_bytes < 0 || size_bytes > std::numeric_limits<std::int64_t>::max() - kDriverPage) {
    throw InvalidArgument(text("[", source_.name(), "] cannot allocate ", size_bytes, " bytes"));
  }
  if (size_bytes == 0) return nullptr;
  const std::int64_t block_bytes = class_of(size_bytes);

  const std::lock_guard lock(mutex_);
  const auto found = find_cached(block_bytes, stream);
  const std::int64_t taken_bytes = found == cache_.end() ? block_bytes : found->first;
  void* data = found == cache_.end() ? take_from_source(block_bytes) : take_cached(found);
  in_use_.emplace(data, taken_bytes);
  statistics_.in_use_bytes += taken_bytes;
  statistics_.peak_in_use_bytes = std::max(statistics_.peak_in_use_bytes, statistics_.in_use_bytes);
  return data;
}

// A block of this class or a little over it: first one of the stream's own, then one that its
// stream is done with. Of several the smallest, and of those the one that has waited longest.
MemoryPool::Cache::iterator MemoryPool::find_cached(std::int64_t size_bytes, StreamId stream) {
  const auto first = cache_.lower_bound(size_bytes);
  const auto last = cache_.upper_bound(size_bytes + size_bytes / 4);
  if (stream != kAnyStream) {
    const auto own =
        std::find_if(first, last, [&](const auto& entry) { return entry.second.stream == stream; });
    if (own != last) return own;
  }
  const auto idle = std::find_if(
      first, last, [&](const auto& entry) { return source_.reached(entry.second.moment); });
  return idle == last ? cache_.end() : idle;
}

void* MemoryPool::take_cached(Cache::iterator found) {
  void* data = found->second.data;
  source_.forget(found->second.moment);
  statistics_.cached_bytes -= found->first;
  ++statistics_.reuses;
  cache_.erase(found);
  return data;
}

void* MemoryPool::take_from_source(std::int64_t size_bytes) {
  void* data = source_.allocate(size_bytes);
  if (data == nullptr && !cache_.empty()) {
    release_cached_locked();
    data = source_.allocate(size_bytes);
  }
  if (data == nullptr) fail(size_bytes);
  ++statistics_.source_calls;
  return data;
}

void MemoryPool::fail(std::int64_t size_bytes) {
  const MemorySource::Level level = source_.level();
  throw DeviceError(
      text("[", source_.name(), "] out of memory: needed ", bytes_text(size_bytes), ", free ",
           bytes_text(level.free_bytes), " of ", bytes_text(level.total_bytes),
           ", held by this program's pool ", bytes_text(statistics_.held_bytes())),
      "a smaller batch needs less; nvidia-smi shows what else uses the device");
}

void MemoryPool::free(void* data, StreamId stream) noexcept {
  if (data == nullptr) return;
  const std::lock_guard lock(mutex_);
  const auto found = in_use_.find(data);
  assert(found != in_use_.end());
  const std::int64_t size_bytes = found->second;
  in_use_.erase(found);
  statistics_.in_use_bytes -= size_bytes;
  MomentId moment = nullptr;
  try {
    moment = source_.record(stream);
    cache_.emplace(size_bytes, Cached{data, stream, moment});
    statistics_.cached_bytes += size_bytes;
  } catch (...) {
    // The device failed, or the host has no memory for an entry: the block is not worth keeping.
    if (moment != nullptr) source_.forget(moment);
    source_.free(data);
  }
}

bool MemoryPool::owns(void* data) const noexcept {
  const std::lock_guard lock(mutex_);
  return in_use_.contains(data);
}

void MemoryPool::release_cached() noexcept {
  const std::lock_guard lock(mutex_);
  release_cached_locked();
}

void MemoryPool::release_cached_locked() noexcept {
  for (const auto& [size_bytes, cached] : cache_) {
    source_.forget(cached.moment);
    source_.free(cached.data);
    statistics_.cached_bytes -= size_bytes;
  }
  cache_.clear();
}

MemoryPool::Statistics MemoryPool::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

}  // namespace lamina::kernels::cuda
