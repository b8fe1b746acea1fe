// What this machine can do at most, measured in the same run as everything else: its rows' shares
// are of these.
#pragma once

#include <lamina/core/device.h>

#include "core/cpu_features.h"

#include <cstdint>
#include <optional>
#include <string>

namespace lamina::tools {

struct Ceilings {
  double fma_gflops = 0;     ///< float32 multiply-adds, counted as two
  double read_gb_per_s = 0;  ///< from memory
};

/// Of the processor with that many threads at once: the best of a few short tries, about half a
/// second in all.
Ceilings measure_ceilings(int threads);

/// GFLOP/s of large matrix products on a CUDA device by cuBLAS; nothing where the build has none,
/// or the device is the processor.
std::optional<double> measure_device_gflops(Device device, const std::string& precision);

/// Does `rounds` rounds of independent multiply-adds; returns how many floating-point operations
/// they were.
double spin_multiply_adds(Isa isa, std::int64_t rounds);
/// The sum of `count` floats, read in order.
float read_floats(Isa isa, const float* values, std::int64_t count);

}  // namespace lamina::tools
