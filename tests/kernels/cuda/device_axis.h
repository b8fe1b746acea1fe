// Pillow's tables of an axis on the device, as kernels/cuda/preprocess.h takes them.
#pragma once

#include "kernels/cuda/preprocess.h"
#include "tests/kernels/cuda/device_array.h"
#include "vision/resize_taps.h"

#include <vector>

namespace lamina::kernels::cuda {

/// A table's arrays, and what the kernel wants to know of them.
struct DeviceAxis {
  DeviceMemory first, count, weights;
  ResizeAxis axis;
};

/// `in`: positions of the picture that the table was made for.
inline DeviceAxis upload_axis(const vision::TapTable& table, std::int64_t in) {
  std::vector<std::int32_t> first, count, weights;
  for (std::int64_t i = 0; i < table.size(); ++i) {
    const vision::Taps taps = table[i];
    first.push_back(static_cast<std::int32_t>(taps.first));
    count.push_back(static_cast<std::int32_t>(taps.count));
    weights.insert(weights.end(), taps.weights, taps.weights + table.stride());
  }
  const auto upload = [](const std::vector<std::int32_t>& values) {
    return upload_bytes(values.data(), static_cast<std::int64_t>(values.size()) * 4);
  };
  DeviceAxis result{upload(first), upload(count), upload(weights), {}};
  result.axis = {.in = in,
                 .out = table.size(),
                 .taps = table.stride(),
                 .first = result.first.as<const std::int32_t>(),
                 .count = result.count.as<const std::int32_t>(),
                 .weights = result.weights.as<const std::int32_t>()};
  return result;
}

}  // namespace lamina::kernels::cuda
