// Which device a session takes for "auto", "cpu", "cuda" or "cuda:N".
#pragma once

#include <lamina/core/device.h>

#include <string>
#include <string_view>
#include <vector>

namespace lamina::nn::detail {

/// The CUDA devices of this machine, as far as this build can see them.
struct CudaDevice {
  std::string description;  // "NVIDIA H100 80GB HBM3, sm_90, …"
  std::string unusable;     // why sessions cannot run on it; empty where they can
};

struct CudaDevices {
  std::vector<CudaDevice> devices;  // by index
  std::string why_none;             // empty where there are some
};

/// Never fails; the first call starts the driver.
CudaDevices find_cuda_devices();

struct DeviceChoice {
  Device device;
  std::string why;  // why "auto" took it; empty where it was named
};

/// "auto" is the first CUDA device that sessions can run on, else the processor.
/// Errors:   InvalidArgument where `text` names no device; DeviceError where the named one is not
///           here, or of no use.
DeviceChoice choose_device(std::string_view text, const CudaDevices& cuda);

/// What a kind of device computes in, the default first.
std::vector<std::string> precisions_of(DeviceType device);
bool is_precision_of(DeviceType device, std::string_view name);

}  // namespace lamina::nn::detail
