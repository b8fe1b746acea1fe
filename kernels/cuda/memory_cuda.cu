// The body of runtime.h that speaks to the driver: device and pinned memory, and copies.
#include "kernels/cuda/check.h"
#include "kernels/cuda/memory_pool.h"
#include "kernels/cuda/staging_ring.h"
#include "kernels/cuda/text.h"

#include <memory>
#include <mutex>
#include <vector>

namespace lamina::kernels::cuda {
namespace {

cudaStream_t native(const Stream& stream) { return static_cast<cudaStream_t>(stream.handle()); }

void* allocate_pinned_bytes(std::int64_t size_bytes) {
  void* data = nullptr;
  const cudaError_t error = cudaMallocHost(&data, static_cast<std::size_t>(size_bytes));
  if (error == cudaSuccess) return data;
  if (error != cudaErrorMemoryAllocation) {
    throw_cuda_error(error, "cudaMallocHost", __FILE__, __LINE__);
  }
  cudaGetLastError();
  throw DeviceError(text("[cuda] out of pinned host memory: needed ", bytes_text(size_bytes)),
                    "ulimit -l and the container's limits bound it");
}

class DeviceSource : public MemorySource {
 public:
  explicit DeviceSource(int device) : device_(device) {}

  std::string name() const override { return text("cuda:", device_); }

  void* allocate(std::int64_t size_bytes) override {
    const OnDevice guard(device_);
    void* data = nullptr;
    const cudaError_t error = cudaMalloc(&data, static_cast<std::size_t>(size_bytes));
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      return nullptr;
    }
    if (error != cudaSuccess) throw_cuda_error(error, "cudaMalloc", __FILE__, __LINE__);
    return data;
  }

  void free(void* data) noexcept override {
    const OnDevice guard(device_);
    LAMINA_CUDA_LOG(cudaFree(data));
  }

  Level level() override {
    const MemoryInfo info = memory_info(device_);
    return {info.free_bytes, info.total_bytes};
  }

  // Without a stream: an event on the legacy stream, which every stream of runtime.h waits for.
  MomentId record(StreamId stream) override {
    const std::lock_guard lock(captures().mutex);
    if (stream == kAnyStream && captures().running > 0) {
      throw DeviceError("[cuda] a capture is under way");  // the pool frees the block instead
    }
    const OnDevice guard(device_);
    cudaEvent_t event = nullptr;
    LAMINA_CUDA_CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    const cudaError_t error = cudaEventRecord(event, static_cast<cudaStream_t>(stream));
    if (error != cudaSuccess) {
      LAMINA_CUDA_LOG(cudaEventDestroy(event));
      throw_cuda_error(error, "cudaEventRecord", __FILE__, __LINE__);
    }
    return event;
  }

  bool reached(MomentId moment) override {
    const cudaError_t error = cudaEventQuery(static_cast<cudaEvent_t>(moment));
    if (error == cudaErrorNotReady) {
      cudaGetLastError();  // else the next launch would be told of it
      return false;
    }
    if (error != cudaSuccess) throw_cuda_error(error, "cudaEventQuery", __FILE__, __LINE__);
    return true;
  }

  void forget(MomentId moment) noexcept override {
    LAMINA_CUDA_LOG(cudaEventDestroy(static_cast<cudaEvent_t>(moment)));
  }

 private:
  int device_;
};

// Copies on the stream of whoever uploads now; events outlive the streams that they were recorded
// in.
class UploadEngine : public CopyEngine {
 public:
  void use(const Stream& stream) { stream_ = native(stream); }
  bool uses(const Stream& stream) const { return stream_ == native(stream); }

  void* allocate_pinned(std::int64_t size_bytes) override {
    return allocate_pinned_bytes(size_bytes);
  }
  void free_pinned(void* data) noexcept override { LAMINA_CUDA_LOG(cudaFreeHost(data)); }
  void copy(void* device, const void* pinned, std::int64_t size_bytes) override {
    LAMINA_CUDA_CHECK(cudaMemcpyAsync(device, pinned, static_cast<std::size_t>(size_bytes),
                                      cudaMemcpyHostToDevice, stream_));
  }
  void mark(int index) override {
    const auto i = static_cast<std::size_t>(index);
    if (marks_.size() <= i) marks_.resize(i + 1, nullptr);
    if (marks_[i] == nullptr) {
      LAMINA_CUDA_CHECK(cudaEventCreateWithFlags(&marks_[i], cudaEventDisableTiming));
    }
    LAMINA_CUDA_CHECK(cudaEventRecord(marks_[i], stream_));
  }
  void wait(int index) override {
    const auto i = static_cast<std::size_t>(index);
    if (i < marks_.size() && marks_[i] != nullptr) {
      LAMINA_CUDA_CHECK(cudaEventSynchronize(marks_[i]));
    }
  }

 private:
  cudaStream_t stream_ = nullptr;
  std::vector<cudaEvent_t> marks_;
};

// What the process keeps for one device, from its first use on.
struct DeviceState {
  explicit DeviceState(int device) : source(device), pool(source) {}

  DeviceSource source;
  MemoryPool pool;
  std::mutex upload_mutex;
  UploadEngine engine;
  std::unique_ptr<StagingRing> ring;  // made by the first upload
};

// Never destroyed: at exit the driver may be gone before, and it takes everything with it.
struct Devices {
  std::mutex mutex;
  std::vector<std::unique_ptr<DeviceState>> states;  // by device; null until used
};

Devices& devices() {
  static auto* all = new Devices;
  return *all;
}

DeviceState& state_of_current_device() {
  int device = 0;
  if (device_count() == 0) throw DeviceError(text("[cuda] ", no_device_reason()));
  LAMINA_CUDA_CHECK(cudaGetDevice(&device));
  const auto i = static_cast<std::size_t>(device);
  const std::lock_guard lock(devices().mutex);
  std::vector<std::unique_ptr<DeviceState>>& states = devices().states;
  if (states.size() <= i) states.resize(i + 1);
  if (states[i] == nullptr) states[i] = std::make_unique<DeviceState>(device);
  return *states[i];
}

// The pool that handed `data` out, which may be another device's than the current one.
MemoryPool* pool_that_owns(void* data) noexcept {
  const std::lock_guard lock(devices().mutex);
  for (const std::unique_ptr<DeviceState>& state : devices().states) {
    if (state != nullptr && state->pool.owns(data)) return &state->pool;
  }
  return nullptr;
}

}  // namespace

DeviceMemory::DeviceMemory(std::int64_t size_bytes)
    : data_(state_of_current_device().pool.allocate(size_bytes, kAnyStream)), size_(size_bytes) {}

DeviceMemory::~DeviceMemory() {
  if (data_ == nullptr) return;
  if (MemoryPool* pool = pool_that_owns(data_)) pool->free(data_, kAnyStream);
}

PinnedMemory::PinnedMemory(std::int64_t size_bytes)
    : data_(size_bytes == 0 ? nullptr : allocate_pinned_bytes(size_bytes)), size_(size_bytes) {}

PinnedMemory::~PinnedMemory() {
  if (data_ != nullptr) LAMINA_CUDA_LOG(cudaFreeHost(data_));
}

void upload(void* to, const void* from, std::int64_t size_bytes, Stream& stream) {
  DeviceState& state = state_of_current_device();
  const std::lock_guard lock(state.upload_mutex);
  if (state.ring == nullptr) state.ring = std::make_unique<StagingRing>(state.engine);
  if (!state.engine.uses(stream)) state.ring->finish();
  state.engine.use(stream);
  state.ring->upload(to, from, size_bytes);
}

void download(void* to, const void* from, std::int64_t size_bytes, Stream& stream) {
  LAMINA_CUDA_CHECK(cudaMemcpyAsync(to, from, static_cast<std::size_t>(size_bytes),
                                    cudaMemcpyDeviceToHost, native(stream)));
  stream.synchronize();
}

void copy_async(void* to, const void* from, std::int64_t size_bytes, Stream& stream) {
  LAMINA_CUDA_CHECK(cudaMemcpyAsync(to, from, static_cast<std::size_t>(size_bytes),
                                    cudaMemcpyDefault, native(stream)));
}

void fill_async(void* to, std::uint8_t value, std::int64_t size_bytes, Stream& stream) {
  LAMINA_CUDA_CHECK(
      cudaMemsetAsync(to, value, static_cast<std::size_t>(size_bytes), native(stream)));
}

}  // namespace lamina::kernels::cuda
