// Device memory kept for reuse: cudaMalloc and cudaFree wait for the whole device, this does not.
//
// Plain C++ over an interface, so that its rules are tested without a device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>

namespace lamina::kernels::cuda {

/// A stream, or a moment in one, as the memory source knows it; the pool only passes it on.
using StreamId = void*;
using MomentId = void*;

/// Where the caller does not say which streams use a block: then it may be any of them.
inline constexpr StreamId kAnyStream = nullptr;

/// What a pool gets its memory from: the CUDA runtime, or a test.
class MemorySource {
 public:
  struct Level {
    std::int64_t free_bytes, total_bytes;
  };

  virtual ~MemorySource() = default;
  /// "cuda:0", for messages.
  virtual std::string name() const = 0;
  /// Null where memory is exhausted; any other failure throws.
  virtual void* allocate(std::int64_t size_bytes) = 0;
  /// Waits for whatever still uses the memory, as cudaFree does.
  virtual void free(void* data) noexcept = 0;
  virtual Level level() = 0;
  /// The moment at which all work given so far to `stream`, or to every stream, has ended.
  virtual MomentId record(StreamId stream) = 0;
  virtual bool reached(MomentId moment) = 0;
  virtual void forget(MomentId moment) noexcept = 0;
};

/// A caching, stream-ordered allocator for one device. Safe to use from several threads.
///
/// A block given back on a stream is taken again by the same stream at once, since whatever the
/// stream still has to do with it comes first; by another stream, or where no stream is named, only
/// when that has ended. A block is never split: sizes are rounded up to classes (at most 25 % more,
/// 2 MiB more from 8 MiB on).
class MemoryPool {
 public:
  struct Statistics {
    std::int64_t in_use_bytes = 0;  ///< handed out now
    std::int64_t cached_bytes = 0;  ///< given back and kept
    std::int64_t peak_in_use_bytes = 0;
    std::int64_t source_calls = 0;  ///< blocks that came from the source
    std::int64_t reuses = 0;        ///< blocks that came from the cache

    std::int64_t held_bytes() const { return in_use_bytes + cached_bytes; }
  };

  explicit MemoryPool(MemorySource& source) : source_(source) {}
  /// Gives the cached blocks back. Those in use must have been given back before.
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  /// Uninitialised memory for work on `stream`, aligned as the source aligns; null for 0 bytes.
  ///
  /// Errors:   DeviceError where memory is exhausted even after every cached block was released;
  ///           it tells what was needed, free and held.
  void* allocate(std::int64_t size_bytes, StreamId stream);

  /// Gives back what allocate() returned, at the point that `stream` has reached.
  /// Requires: `stream` is where it was used last, or waits for that.
  void free(void* data, StreamId stream) noexcept;

  /// Whether allocate() returned it and free() has not had it.
  bool owns(void* data) const noexcept;

  /// Gives every cached block back to the source.
  void release_cached() noexcept;

  Statistics statistics() const;

  /// The bytes that a request for `size_bytes` takes.
  static std::int64_t class_of(std::int64_t size_bytes);

 private:
  struct Cached {
    void* data;
    StreamId stream;
    MomentId moment;  // when the stream is done with it
  };
  using Cache = std::multimap<std::int64_t, Cached>;  // by size; of one size the oldest first

  Cache::iterator find_cached(std::int64_t size_bytes, StreamId stream);
  void* take_cached(Cache::iterator found);
  void* take_from_source(std::int64_t size_bytes);
  void release_cached_locked() noexcept;
  [[noreturn]] void fail(std::int64_t size_bytes);

  MemorySource& source_;
  mutable std::mutex mutex_;
  Cache cache_;
  std::unordered_map<void*, std::int64_t> in_use_;  // to its size
  Statistics statistics_;
};

}  // namespace lamina::kernels::cuda
