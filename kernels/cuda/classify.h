// From logits to an answer on a CUDA device: what kernels/classify.h says, in float32.
#pragma once

#include "kernels/cuda/precision.h"
#include "kernels/cuda/runtime.h"

#include <cstdint>

namespace lamina::kernels::cuda {

/// Softmax over the middle axis of [outer, c, inner]; the largest is subtracted first, and sums are
/// made in a fixed order, so that a row's bits depend on the row, c and inner alone. A row with a
/// NaN is all NaN. input may be output.
/// Numerics: |err| <= p * (2 * (largest - smallest) + c / 256 + 24) * 2^-24, and for inner >= 32,
///           p * (2 * (largest - smallest) + c + 8) * 2^-24; then one rounding to the element type.
void softmax_forward(Stream& stream, Element element, std::int64_t outer, std::int64_t c,
                     std::int64_t inner, const void* input, void* output);

/// As kernels::topk_forward(), exactly: falling order, of equal values the lower index first, NaN
/// before everything. 1 <= k <= c < 2^31. It reads the row k times: meant for a few of many.
void topk_forward(Stream& stream, std::int64_t rows, std::int64_t c, std::int64_t k,
                  const float* input, float* values, std::int64_t* indices);

}  // namespace lamina::kernels::cuda
