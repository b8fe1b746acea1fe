// What a program says of itself and of the machine: --version and --list-devices.
#pragma once

#include <lamina/core/device.h>

#include <string>

namespace lamina::tools {

/// "vgg16-infer 0.1.0"; verbose adds commit, compiler, CUDA, instruction sets and libraries.
std::string version_text(const std::string& program, bool verbose);

/// One line a device, its name first: "cpu\tAMD EPYC 9R14, 2 threads, avx512 …", and where there
/// is no GPU one that says why: "cuda\tnone: no NVIDIA driver".
std::string device_list();

/// The device that a session will take. Throws DeviceError where `device` ("auto", "cpu", "cuda",
/// "cuda:N") is not here or of no use, UsageError where it is no device, or does not compute in
/// that precision.
Device check_device(const std::string& device, const std::string& precision);

}  // namespace lamina::tools
