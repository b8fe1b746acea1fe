// The body of kernels/cuda/runtime.h in a build without CUDA: no devices, and every call that needs
// one says why.
#include "kernels/cuda/runtime.h"

namespace lamina::kernels::cuda {
namespace {

constexpr const char* kReason = "this build has no CUDA";

[[noreturn]] void refuse() { throw DeviceError(std::string("[cuda] ") + kReason); }

}  // namespace

int device_count() noexcept { return 0; }
std::string no_device_reason() { return kReason; }
DeviceProperties device_properties(int) { refuse(); }
MemoryInfo memory_info(int) { refuse(); }
std::string last_error() { return {}; }

ScopedDevice::ScopedDevice(int) : previous_(0) { refuse(); }
ScopedDevice::~ScopedDevice() { static_cast<void>(previous_); }

Stream::Stream() { refuse(); }
Stream::~Stream() = default;
void Stream::synchronize() { refuse(); }
void Stream::wait(const Event&) { refuse(); }

Event::Event() { refuse(); }
Event::~Event() = default;
void Event::record(Stream&) { refuse(); }
void Event::synchronize() const { refuse(); }
float Event::milliseconds_since(const Event&) const { refuse(); }

Graph Graph::capture(Stream&, const std::function<void()>&) { refuse(); }
Graph::~Graph() = default;
void Graph::launch(Stream&) const { refuse(); }

DeviceMemory::DeviceMemory(std::int64_t) { refuse(); }
DeviceMemory::~DeviceMemory() = default;
PinnedMemory::PinnedMemory(std::int64_t) { refuse(); }
PinnedMemory::~PinnedMemory() = default;

void upload(void*, const void*, std::int64_t, Stream&) { refuse(); }
void download(void*, const void*, std::int64_t, Stream&) { refuse(); }
void copy_async(void*, const void*, std::int64_t, Stream&) { refuse(); }
void fill_async(void*, std::uint8_t, std::int64_t, Stream&) { refuse(); }
void check_launch(const char*) { refuse(); }

}  // namespace lamina::kernels::cuda
