#include "nn/session/device_choice.h"

#include "core/require.h"
#include "kernels/cuda/runtime.h"

namespace lamina::nn::detail {
namespace {

constexpr const char* kHint = "use --device cpu, or auto; --list-devices shows what is here";

std::string describe(const kernels::cuda::DeviceProperties& device) {
  return fmt::format("{}, sm_{}{}, {} multiprocessors, {:.1f} GiB", device.name,
                     device.compute_major, device.compute_minor, device.multiprocessors,
                     static_cast<double>(device.memory_bytes) / (1 << 30));
}

}  // namespace

CudaDevices find_cuda_devices() {
  CudaDevices found;
  const int count = kernels::cuda::device_count();
  if (count == 0) found.why_none = kernels::cuda::no_device_reason();
  for (int i = 0; i < count; ++i) {
    try {
      found.descriptions.push_back(describe(kernels::cuda::device_properties(i)));
    } catch (const Error& error) {
      found.descriptions.push_back(error.what());
    }
  }
  return found;
}

DeviceChoice choose_device(std::string_view text, const CudaDevices& cuda) {
  if (text == "auto") {
    if (cuda.descriptions.empty()) return {{}, cuda.why_none};
    return {
        {},
        fmt::format("sessions do not run on CUDA yet, so not cuda:0 ({})", cuda.descriptions[0])};
  }
  const Device device = parse_device(text);
  if (device.type == DeviceType::cpu) return {device, {}};
  if (cuda.descriptions.empty()) {
    throw DeviceError(
        fmt::format("[session] device '{}' is not available: {}", text, cuda.why_none), kHint);
  }
  const auto index = static_cast<std::size_t>(device.index);
  if (index >= cuda.descriptions.size()) {
    throw DeviceError(fmt::format("[session] device '{}' is not available: this machine has cuda:0 "
                                  "to cuda:{}",
                                  text, cuda.descriptions.size() - 1),
                      kHint);
  }
  throw Unsupported(fmt::format("[session] device '{}' ({}) is here, but sessions do not run on "
                                "CUDA yet",
                                text, cuda.descriptions[index]),
                    kHint);
}

}  // namespace lamina::nn::detail
