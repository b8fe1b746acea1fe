// What a CUDA kernel is tried on: lists of cases that run on whatever body of runtime.h is linked,
// the emulator's in every test run, the driver's where there is a GPU.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace lamina::kernels::cuda {

struct KernelCase {
  std::string name;                  ///< "conv2d bf16 1x8x5x5 3x3 pad 1, 128x64x32"
  std::function<std::string()> run;  ///< "" where the kernel was right, else what was wrong
};

std::vector<KernelCase> conv2d_cases();
std::vector<KernelCase> conv2d_wgmma_cases();
std::vector<KernelCase> pointwise_cases();
std::vector<KernelCase> pool2d_cases();
std::vector<KernelCase> classify_cases();
std::vector<KernelCase> preprocess_cases();
/// Kernels that start while the one before runs.
std::vector<KernelCase> overlap_cases();

}  // namespace lamina::kernels::cuda
