// From logits to an answer: softmax and top-k.
#pragma once

#include "kernels/common.h"

namespace lamina::kernels {

/// Softmax over the middle axis of [outer, c, inner]; the largest is subtracted first, sums are in
/// double. A row with a NaN is all NaN. input may be output.
void softmax_forward(std::int64_t outer, std::int64_t c, std::int64_t inner, const float* input,
                     float* output, Exec exec);

/// For each row of [rows, c], the k largest in falling order and their indices; of equal values the
/// lower index comes first, NaN counts as larger than everything (as in PyTorch). 1 <= k <= c.
void topk_forward(std::int64_t rows, std::int64_t c, std::int64_t k, const float* input,
                  float* values, std::int64_t* indices);

}  // namespace lamina::kernels
