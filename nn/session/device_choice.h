// Which device a session takes for "auto", "cpu", "cuda" or "cuda:N".
#pragma once

#include <lamina/core/device.h>

#include <string>
#include <string_view>
#include <vector>

namespace lamina::nn::detail {

/// The CUDA devices of this machine, as far as this build can see them.
struct CudaDevices {
  std::vector<std::string> descriptions;  // "NVIDIA H100 80GB HBM3, sm_90, …", by index
  std::string why_none;                   // empty where there are some
};

/// Never fails; the first call starts the driver.
CudaDevices find_cuda_devices();

struct DeviceChoice {
  Device device;
  std::string why;  // why "auto" took it; empty where it was named
};

/// Errors:   InvalidArgument where `text` names no device; DeviceError where the named one is not
///           here; Unsupported where it is here, but sessions cannot run on it.
DeviceChoice choose_device(std::string_view text, const CudaDevices& cuda);

}  // namespace lamina::nn::detail
