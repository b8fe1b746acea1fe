// Uploads from memory that the device cannot read by itself (a mapped file), through pinned
// buffers: while one buffer is on its way, the next is filled.
//
// Plain C++ over an interface, so that its rules are tested without a device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lamina::kernels::cuda {

/// What a ring copies with: one stream of the CUDA runtime, or a test.
class CopyEngine {
 public:
  virtual ~CopyEngine() = default;
  /// Pinned host memory. Throws DeviceError or CudaError where there is none.
  virtual void* allocate_pinned(std::int64_t size_bytes) = 0;
  virtual void free_pinned(void* data) noexcept = 0;
  /// Queues a copy of pinned memory to the device, and returns at once.
  virtual void copy(void* device, const void* pinned, std::int64_t size_bytes) = 0;
  /// Marks the copies queued so far as those of buffer `index`, in place of its last mark.
  virtual void mark(int index) = 0;
  /// Returns when the copies last marked for buffer `index` have ended; at once where none were.
  virtual void wait(int index) = 0;
};

/// A few pinned buffers taken in turn. For one thread at a time.
class StagingRing {
 public:
  /// 8 MiB: long enough for a copy to run at full speed, short enough to stay in a CPU's cache.
  static constexpr std::int64_t kBufferBytes = std::int64_t{8} << 20;

  explicit StagingRing(CopyEngine& engine, std::int64_t buffer_bytes = kBufferBytes,
                       int buffer_count = 2);
  /// Waits for what is under way.
  ~StagingRing();
  StagingRing(const StagingRing&) = delete;
  StagingRing& operator=(const StagingRing&) = delete;

  /// Queues a copy of `host` to `device`. When it returns, `host` may change or vanish; the bytes
  /// are on the device when the engine's stream has come so far, or after finish(). Small uploads
  /// share a buffer.
  void upload(void* device, const void* host, std::int64_t size_bytes);

  /// Returns when everything uploaded is on the device. Needed before the engine changes its
  /// stream.
  void finish();

 private:
  void next_buffer();

  CopyEngine& engine_;
  const std::int64_t buffer_bytes_;
  std::vector<std::byte*> buffers_;
  int current_ = 0;
  std::int64_t used_bytes_ = 0;  // of the current buffer
};

}  // namespace lamina::kernels::cuda
