// What host code asks of a CUDA device: memory, copies, streams, events and graphs, in small
// classes that own what they name. Free of CUDA's headers, so that any source may include it.
//
// Three bodies, and the linker picks: runtime_cuda.cu speaks to the driver, no_cuda/ has no
// devices, and emulator/ runs kernels on the processor, strictly checked (docs/emulator.md). A
// library holds one of the first two; a program that links the emulator's objects takes the third
// instead.
//
// Errors are CudaError and name the call. Destructors never throw: what fails there is logged. One
// object is used by one thread at a time; different objects are independent.
#pragma once

#include <lamina/core/error.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace lamina::kernels::cuda {

struct DeviceProperties {
  std::string name;
  int compute_major = 0, compute_minor = 0;  ///< 9, 0 for an H100
  int multiprocessors = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t shared_bytes_per_block = 0;  ///< dynamic shared memory that one block may ask for
  std::int64_t l2_bytes = 0;
};

struct MemoryInfo {
  std::int64_t free_bytes = 0, total_bytes = 0;
};

/// 0 where there is no driver or no device; never throws.
int device_count() noexcept;
/// Why device_count() is 0, in one line; empty where it is not.
std::string no_device_reason();
/// Errors: DeviceError if there is no such device.
DeviceProperties device_properties(int device);
MemoryInfo memory_info(int device);

/// The text of this thread's last failed call, empty where none failed.
std::string last_error();

/// Makes a device current on this thread for as long as it lives: allocations, new streams and
/// launches go there.
class ScopedDevice {
 public:
  explicit ScopedDevice(int device);
  ~ScopedDevice();
  ScopedDevice(const ScopedDevice&) = delete;
  ScopedDevice& operator=(const ScopedDevice&) = delete;

 private:
  int previous_;
};

class Event;

/// A queue of work on the current device; what is enqueued runs in order.
class Stream {
 public:
  Stream();
  ~Stream();
  Stream(Stream&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), overlaps_(other.overlaps_) {}
  Stream& operator=(Stream&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(overlaps_, other.overlaps_);
    return *this;
  }

  /// Waits for all that was enqueued, and throws what went wrong in it.
  void synchronize();
  /// Work enqueued from here on waits for the event.
  void wait(const Event& event);
  /// Kernels enqueued from here on may start while the one before still runs, and wait for it by
  /// themselves (ptx/overlap.cuh). Requires: compute capability 9.0 or later.
  void set_overlaps(bool overlaps) { overlaps_ = overlaps; }
  bool overlaps() const { return overlaps_; }
  /// The cudaStream_t, or the emulator's stream.
  void* handle() const { return handle_; }

 private:
  void* handle_ = nullptr;
  bool overlaps_ = false;
};

/// A point in a stream, with its time.
class Event {
 public:
  Event();
  ~Event();
  Event(Event&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }

  void record(Stream& stream);
  void synchronize() const;
  /// Both must have been recorded and have passed.
  float milliseconds_since(const Event& start) const;
  void* handle() const { return handle_; }

 private:
  void* handle_ = nullptr;
};

/// Work that was captured once and is launched as a whole.
class Graph {
 public:
  /// Runs `enqueue`, whose launches and copies on `stream` are recorded instead of run. It must not
  /// allocate or synchronise. What throws in it ends the capture and passes through.
  static Graph capture(Stream& stream, const std::function<void()>& enqueue);
  ~Graph();
  Graph(Graph&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Graph& operator=(Graph&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }

  void launch(Stream& stream) const;

 private:
  explicit Graph(void* handle) : handle_(handle) {}
  void* handle_ = nullptr;
};

/// Memory of the current device, aligned to 256 bytes; its contents are not initialised.
/// Errors: DeviceError if there is not enough, with what was asked for and what is free.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  explicit DeviceMemory(std::int64_t size_bytes);
  ~DeviceMemory();
  DeviceMemory(DeviceMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  DeviceMemory& operator=(DeviceMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  void* data() const { return data_; }
  template <typename T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  std::int64_t size_bytes() const { return size_; }

 private:
  void* data_ = nullptr;
  std::int64_t size_ = 0;
};

/// Host memory that copies reach without staging.
class PinnedMemory {
 public:
  PinnedMemory() = default;
  explicit PinnedMemory(std::int64_t size_bytes);
  ~PinnedMemory();
  PinnedMemory(PinnedMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  PinnedMemory& operator=(PinnedMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  void* data() const { return data_; }
  std::int64_t size_bytes() const { return size_; }

 private:
  void* data_ = nullptr;
  std::int64_t size_ = 0;
};

/// Host to device from any host memory (heap, mapped file), staged through pinned buffers where
/// that helps. When it returns, `from` may be changed; the copy itself is in the stream's order.
void upload(void* to, const void* from, std::int64_t size_bytes, Stream& stream);
/// Device to any host memory; returns when the bytes are there.
void download(void* to, const void* from, std::int64_t size_bytes, Stream& stream);
/// Between device memory and pinned or device memory, in either direction; returns at once.
void copy_async(void* to, const void* from, std::int64_t size_bytes, Stream& stream);
/// Sets every byte; returns at once.
void fill_async(void* to, std::uint8_t value, std::int64_t size_bytes, Stream& stream);

/// Throws if the launch just made was refused. launch() of launch.cuh calls it; nobody else need.
void check_launch(const char* kernel);

}  // namespace lamina::kernels::cuda
