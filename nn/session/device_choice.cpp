#include "nn/session/device_choice.h"

#include "core/require.h"
#include "kernels/cuda/runtime.h"

#include <algorithm>

namespace lamina::nn::detail {
namespace {

constexpr const char* kHint = "use --device cpu, or auto; --list-devices shows what is here";

std::string describe(const kernels::cuda::DeviceProperties& device) {
  return fmt::format("{}, sm_{}{}, {} multiprocessors, {:.1f} GiB", device.name,
                     device.compute_major, device.compute_minor, device.multiprocessors,
                     static_cast<double>(device.memory_bytes) / (1 << 30));
}

// Kernels use what came with compute capability 8.0: asynchronous copies, bf16 and tf32.
std::string why_unusable(const kernels::cuda::DeviceProperties& device) {
  if (device.compute_major >= 8) return {};
  return fmt::format("its compute capability {}.{} is below 8.0", device.compute_major,
                     device.compute_minor);
}

CudaDevice look_at(int index) {
  try {
    const auto properties = kernels::cuda::device_properties(index);
    return {describe(properties), why_unusable(properties)};
  } catch (const Error& error) {
    return {"not readable", error.what()};
  }
}

DeviceChoice choose_any(const std::vector<CudaDevice>& devices) {
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (devices[i].unusable.empty()) {
      return {{DeviceType::cuda, static_cast<int>(i)}, devices[i].description};
    }
  }
  return {{}, fmt::format("not cuda:0, {}: {}", devices[0].description, devices[0].unusable)};
}

}  // namespace

CudaDevices find_cuda_devices() {
  CudaDevices found;
  const int count = kernels::cuda::device_count();
  if (count == 0) found.why_none = kernels::cuda::no_device_reason();
  for (int i = 0; i < count; ++i) found.devices.push_back(look_at(i));
  return found;
}

DeviceChoice choose_device(std::string_view text, const CudaDevices& cuda) {
  if (text == "auto") {
    return cuda.devices.empty() ? DeviceChoice{{}, cuda.why_none} : choose_any(cuda.devices);
  }
  const Device device = parse_device(text);
  if (device.type == DeviceType::cpu) return {device, {}};
  const auto index = static_cast<std::size_t>(device.index);
  std::string why;
  if (cuda.devices.empty()) {
    why = cuda.why_none;
  } else if (index >= cuda.devices.size()) {
    why = fmt::format("this machine has cuda:0 to cuda:{}", cuda.devices.size() - 1);
  } else {
    why = cuda.devices[index].unusable;
  }
  if (why.empty()) return {device, {}};
  throw DeviceError(fmt::format("[session] device '{}' is not available: {}", text, why), kHint);
}

std::vector<std::string> precisions_of(DeviceType device) {
  if (device == DeviceType::cuda) return {"fp32", "tf32", "fp16", "bf16", "fp8"};
  return {"fp32", "bf16", "int8"};
}

bool is_precision_of(DeviceType device, std::string_view name) {
  const std::vector<std::string> known = precisions_of(device);
  return std::find(known.begin(), known.end(), name) != known.end();
}

}  // namespace lamina::nn::detail
