// The body of runtime.h that speaks to the driver: devices, streams, events and graphs. Memory is
// in memory_cuda.cu.
#include "kernels/cuda/check.h"
#include "kernels/cuda/text.h"

#include <cstdlib>

namespace lamina::kernels::cuda {
namespace {

struct Found {
  int count = 0;
  std::string why_none;
};

std::string version_text(int version) {  // 13000 is 13.0
  return text(version / 1000, ".", version % 1000 / 10);
}

std::string why_none(cudaError_t error) {
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (error == cudaErrorInsufficientDriver) {
    // The runtime says so too where there is no driver at all.
    if (driver == 0) return "no NVIDIA driver";
    return text("the NVIDIA driver is too old: it knows CUDA ", version_text(driver),
                ", this build needs ", version_text(runtime));
  }
  if (error == cudaSuccess || error == cudaErrorNoDevice) {
    const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
    if (visible == nullptr) return "no NVIDIA GPU";
    return text("no NVIDIA GPU among CUDA_VISIBLE_DEVICES=", visible);
  }
  return text("CUDA does not start: ", cudaGetErrorName(error), " (", cudaGetErrorString(error),
              ")");
}

const Found& found() {
  static const Found answer = [] {
    Found here;
    const cudaError_t error = cudaGetDeviceCount(&here.count);
    if (error != cudaSuccess) here.count = 0;
    if (here.count == 0) here.why_none = why_none(error);
    cudaGetLastError();  // it is no failure of the calls to come
    return here;
  }();
  return answer;
}

void require_device(int device) {
  if (found().count == 0) throw DeviceError(text("[cuda:", device, "] ", found().why_none));
  if (device >= 0 && device < found().count) return;
  throw DeviceError(text("[cuda:", device, "] no such device: there are ", found().count));
}

std::int64_t attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  LAMINA_CUDA_CHECK(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

cudaStream_t native(const Stream& stream) { return static_cast<cudaStream_t>(stream.handle()); }
cudaEvent_t native(const Event& event) { return static_cast<cudaEvent_t>(event.handle()); }

// Thread-local: other threads may allocate meanwhile.
void begin_capture(cudaStream_t stream) {
  const std::lock_guard lock(captures().mutex);
  LAMINA_CUDA_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  ++captures().running;
}

cudaError_t end_capture(cudaStream_t stream, cudaGraph_t* graph) {
  const std::lock_guard lock(captures().mutex);
  --captures().running;
  return cudaStreamEndCapture(stream, graph);
}

}  // namespace

Captures& captures() {
  static auto* all = new Captures;  // never destroyed: memory may be given back at exit
  return *all;
}

int device_count() noexcept {
  try {
    return found().count;
  } catch (...) {
    return 0;
  }
}

std::string no_device_reason() { return found().why_none; }

DeviceProperties device_properties(int device) {
  require_device(device);
  cudaDeviceProp all;
  LAMINA_CUDA_CHECK(cudaGetDeviceProperties(&all, device));
  return {.name = all.name,
          .compute_major = all.major,
          .compute_minor = all.minor,
          .multiprocessors = all.multiProcessorCount,
          .memory_bytes = static_cast<std::int64_t>(all.totalGlobalMem),
          .shared_bytes_per_block = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, device),
          .l2_bytes = all.l2CacheSize};
}

MemoryInfo memory_info(int device) {
  require_device(device);
  const OnDevice guard(device);
  std::size_t free_bytes = 0, total_bytes = 0;
  LAMINA_CUDA_CHECK(cudaMemGetInfo(&free_bytes, &total_bytes));
  return {static_cast<std::int64_t>(free_bytes), static_cast<std::int64_t>(total_bytes)};
}

ScopedDevice::ScopedDevice(int device) : previous_(0) {
  require_device(device);
  LAMINA_CUDA_CHECK(cudaGetDevice(&previous_));
  LAMINA_CUDA_CHECK(cudaSetDevice(device));
}

ScopedDevice::~ScopedDevice() { LAMINA_CUDA_LOG(cudaSetDevice(previous_)); }

// A stream that waits for the legacy stream and is waited for by it: by an event there the memory
// pool knows when every stream is done with a block.
Stream::Stream() {
  cudaStream_t stream = nullptr;
  LAMINA_CUDA_CHECK(cudaStreamCreate(&stream));
  handle_ = stream;
}

Stream::~Stream() {
  if (handle_ != nullptr) LAMINA_CUDA_LOG(cudaStreamDestroy(native(*this)));
}

void Stream::synchronize() { LAMINA_CUDA_CHECK(cudaStreamSynchronize(native(*this))); }

void Stream::wait(const Event& event) {
  LAMINA_CUDA_CHECK(cudaStreamWaitEvent(native(*this), native(event), 0));
}

Event::Event() {
  cudaEvent_t event = nullptr;
  LAMINA_CUDA_CHECK(cudaEventCreate(&event));
  handle_ = event;
}

Event::~Event() {
  if (handle_ != nullptr) LAMINA_CUDA_LOG(cudaEventDestroy(native(*this)));
}

void Event::record(Stream& stream) {
  LAMINA_CUDA_CHECK(cudaEventRecord(native(*this), native(stream)));
}

void Event::synchronize() const { LAMINA_CUDA_CHECK(cudaEventSynchronize(native(*this))); }

float Event::milliseconds_since(const Event& start) const {
  float milliseconds = 0;
  LAMINA_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, native(start), native(*this)));
  return milliseconds;
}

Graph Graph::capture(Stream& stream, const std::function<void()>& enqueue) {
  begin_capture(native(stream));
  try {
    enqueue();
  } catch (...) {
    cudaGraph_t graph = nullptr;
    end_capture(native(stream), &graph);
    if (graph != nullptr) cudaGraphDestroy(graph);
    cudaGetLastError();
    throw;
  }
  cudaGraph_t graph = nullptr;
  LAMINA_CUDA_CHECK(end_capture(native(stream), &graph));
  cudaGraphExec_t executable = nullptr;
  const cudaError_t error = cudaGraphInstantiate(&executable, graph, 0);
  LAMINA_CUDA_LOG(cudaGraphDestroy(graph));
  if (error != cudaSuccess) throw_cuda_error(error, "cudaGraphInstantiate", __FILE__, __LINE__);
  return Graph(executable);
}

Graph::~Graph() {
  if (handle_ == nullptr) return;
  LAMINA_CUDA_LOG(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(handle_)));
}

void Graph::launch(Stream& stream) const {
  LAMINA_CUDA_CHECK(cudaGraphLaunch(static_cast<cudaGraphExec_t>(handle_), native(stream)));
}

}  // namespace lamina::kernels::cuda
