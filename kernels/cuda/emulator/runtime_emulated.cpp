// The emulated body of runtime.h: one device, whose memory is the host's and whose streams run what
// they are given at once.
#include "kernels/cuda/runtime.h"

#include "kernels/cuda/emulator/block_cluster.h"
#include "kernels/cuda/emulator/cuda_emulator.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace lamina::kernels::cuda {
namespace {

using Clock = std::chrono::steady_clock;
using Work = std::function<void()>;

constexpr std::int64_t kMemoryBytes = std::int64_t{4} << 30;

struct EmulatedStream {
  std::vector<Work>* captured = nullptr;  // where work goes during a capture
};

std::atomic<std::uint64_t> current_seed{0};
thread_local std::string last_message;

template <typename E>
[[noreturn]] void refuse(const std::string& message) {
  last_message = message;
  throw E(message);
}

void enqueue(Stream& stream, Work work) {
  auto* const captured = static_cast<EmulatedStream*>(stream.handle())->captured;
  captured != nullptr ? captured->push_back(std::move(work)) : work();
}

// What is no kernel overlaps with none.
void enqueue_alone(Stream& stream, Work work) {
  enqueue(stream, [work = std::move(work)] {
    emulator::end_chain();
    work();
  });
}

void run_grid(const emulator::LaunchShape& shape, const Work& body) try {
  emulator::Cluster cluster(shape, body, current_seed);
  const auto step = static_cast<unsigned>(shape.cluster);
  for (unsigned z = 0; z < shape.grid.z; ++z) {
    for (unsigned y = 0; y < shape.grid.y; ++y) {
      for (unsigned x = 0; x < shape.grid.x; x += step) cluster.run({x, y, z});
    }
  }
} catch (const CudaError& error) {
  last_message = error.what();
  throw;
}

void copy_checked(void* to, const void* from, std::int64_t size_bytes) {
  emulator::end_chain();
  if (size_bytes == 0) return;
  if (emulator::is_global(to) && !emulator::write_global(to, size_bytes)) {
    refuse<CudaError>("[cuda] copy: " + emulator::global_complaint(true, to, size_bytes));
  }
  if (emulator::is_global(from) && !emulator::read_global(from, size_bytes)) {
    refuse<CudaError>("[cuda] copy: " + emulator::global_complaint(false, from, size_bytes));
  }
  std::memcpy(to, from, static_cast<std::size_t>(size_bytes));
}

void require_device(int device) {
  if (device != 0) {
    refuse<DeviceError>(fmt::format("[cuda] no device {}, there is one", device));
  }
}

}  // namespace

namespace emulator {

void set_seed(std::uint64_t seed) { current_seed = seed; }

void enqueue_kernel(Stream& stream, const LaunchShape& shape, std::function<void()> body) {
  enqueue(stream, [shape, body = std::move(body)] { run_grid(shape, body); });
}

}  // namespace emulator

int device_count() noexcept { return 1; }
std::string no_device_reason() { return {}; }
std::string last_error() { return last_message; }

DeviceProperties device_properties(int device) {
  require_device(device);
  return {.name = "emulated device",
          .compute_major = 9,
          .compute_minor = 0,
          .multiprocessors = 1,
          .memory_bytes = kMemoryBytes,
          .shared_bytes_per_block = 227 * 1024,
          .l2_bytes = 1 << 20};
}

MemoryInfo memory_info(int device) {
  require_device(device);
  return {.free_bytes = kMemoryBytes - emulator::global_bytes_in_use(),
          .total_bytes = kMemoryBytes};
}

ScopedDevice::ScopedDevice(int device) : previous_(0) { require_device(device); }
ScopedDevice::~ScopedDevice() = default;

Stream::Stream() : handle_(new EmulatedStream) {}
Stream::~Stream() { delete static_cast<EmulatedStream*>(handle_); }
// Work runs as it is enqueued: there is nothing to wait for.
void Stream::synchronize() {}
void Stream::wait(const Event&) {}

Event::Event() : handle_(new Clock::time_point) {}
Event::~Event() { delete static_cast<Clock::time_point*>(handle_); }
void Event::record(Stream& stream) {
  enqueue_alone(stream,
                [time = static_cast<Clock::time_point*>(handle_)] { *time = Clock::now(); });
}
void Event::synchronize() const {}
float Event::milliseconds_since(const Event& start) const {
  const auto passed = *static_cast<const Clock::time_point*>(handle_) -
                      *static_cast<const Clock::time_point*>(start.handle_);
  return std::chrono::duration<float, std::milli>(passed).count();
}

Graph Graph::capture(Stream& stream, const std::function<void()>& run) {
  auto* const work = new std::vector<Work>;
  Graph graph(work);
  auto& captured = static_cast<EmulatedStream*>(stream.handle())->captured;
  captured = work;
  try {
    run();
  } catch (...) {
    captured = nullptr;
    throw;
  }
  captured = nullptr;
  return graph;
}
Graph::~Graph() { delete static_cast<std::vector<Work>*>(handle_); }
void Graph::launch(Stream& stream) const {
  enqueue_alone(stream, [] {});
  for (const Work& work : *static_cast<const std::vector<Work>*>(handle_)) enqueue(stream, work);
  enqueue_alone(stream, [] {});
}

DeviceMemory::DeviceMemory(std::int64_t size_bytes) : size_(size_bytes) {
  if (size_bytes == 0) return;
  const std::int64_t free_bytes = memory_info(0).free_bytes;
  if (size_bytes <= free_bytes) data_ = emulator::allocate_global(size_bytes);
  if (data_ == nullptr) {
    refuse<DeviceError>(fmt::format("[cuda] not enough memory: {} bytes asked for, {} free",
                                    size_bytes, free_bytes));
  }
}
DeviceMemory::~DeviceMemory() { emulator::free_global(data_); }

PinnedMemory::PinnedMemory(std::int64_t size_bytes)
    : data_(std::malloc(static_cast<std::size_t>(size_bytes))), size_(size_bytes) {
  if (data_ == nullptr && size_bytes > 0) {
    refuse<DeviceError>("[cuda] not enough pinned memory");
  }
}
PinnedMemory::~PinnedMemory() { std::free(data_); }

void upload(void* to, const void* from, std::int64_t size_bytes, Stream&) {
  copy_checked(to, from, size_bytes);
}
void download(void* to, const void* from, std::int64_t size_bytes, Stream&) {
  copy_checked(to, from, size_bytes);
}
void copy_async(void* to, const void* from, std::int64_t size_bytes, Stream& stream) {
  enqueue(stream, [=] { copy_checked(to, from, size_bytes); });
}
void fill_async(void* to, std::uint8_t value, std::int64_t size_bytes, Stream& stream) {
  enqueue_alone(stream, [=] {
    if (!emulator::write_global(to, size_bytes)) {
      refuse<CudaError>("[cuda] fill: " + emulator::global_complaint(true, to, size_bytes));
    }
    std::memset(to, value, static_cast<std::size_t>(size_bytes));
  });
}

void check_launch(const char*) {}

}  // namespace lamina::kernels::cuda
