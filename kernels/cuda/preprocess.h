// Pictures to a model's input on a CUDA device: Pillow's antialiased resize in its fixed-point
// integers, crop, and normalisation, as vision/ does them on the processor, to the bit.
#pragma once

#include "kernels/cuda/pointwise.h"

#include <cstdint>

namespace lamina::kernels::cuda {

/// One axis of a resize: kept output i sums count[i] input positions from first[i] on, with
/// weights[i * taps + j] in units of 2^-22. All three arrays lie on the device.
struct ResizeAxis {
  std::int64_t in = 0;                    ///< positions of the picture
  std::int64_t out = 0;                   ///< positions that the crop keeps of the resized picture
  std::int64_t taps = 0;                  ///< the largest count
  const std::int32_t* first = nullptr;    // [out]
  const std::int32_t* count = nullptr;    // [out]
  const std::int32_t* weights = nullptr;  // [out, taps]
};

struct PreprocessProblem {
  ResizeAxis columns, rows;
  bool rows_first = false;  ///< which pass comes first shows, since each rounds to 8 bits
  /// The result, and where the resized picture lies in it: what a crop larger than the picture
  /// leaves around it is black.
  std::int64_t w = 0, h = 0, left = 0, top = 0;
  float mean[3] = {}, std[3] = {1, 1, 1};
  Format output;  ///< of [1, 3, h * w]
};

/// Bytes that preprocess() needs beside its result: the picture after the first pass.
std::int64_t preprocess_workspace_bytes(const PreprocessProblem& problem);

/// input: [rows.in, columns.in, 3] u8. Each pass is rounded and clipped to u8 as Pillow does; then
/// (value / 255 - mean) / std in float32, as torchvision's transforms.
void preprocess(Stream& stream, const PreprocessProblem& problem, const std::uint8_t* input,
                void* output, void* workspace);

}  // namespace lamina::kernels::cuda
