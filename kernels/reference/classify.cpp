#include "kernels/reference/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace lamina::kernels::reference {
namespace {

// One row, its elements `stride` apart. A NaN passes through the sum to every output.
void softmax_row(std::int64_t c, std::int64_t stride, const float* input, float* output) {
  float largest = -std::numeric_limits<float>::infinity();
  for (std::int64_t i = 0; i < c; ++i) largest = std::max(largest, input[i * stride]);
  double sum = 0;
  for (std::int64_t i = 0; i < c; ++i) {
    sum += std::exp(static_cast<double>(input[i * stride]) - largest);
  }
  for (std::int64_t i = 0; i < c; ++i) {
    const double e = std::exp(static_cast<double>(input[i * stride]) - largest);
    output[i * stride] = static_cast<float>(e / sum);
  }
}

}  // namespace

void softmax(std::int64_t outer, std::int64_t c, std::int64_t inner, const float* input,
             float* output) {
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t i = 0; i < inner; ++i) {
      const std::int64_t row = o * c * inner + i;
      softmax_row(c, inner, input + row, output + row);
    }
  }
}

void topk(std::int64_t rows, std::int64_t c, std::int64_t k, const float* input, float* values,
          std::int64_t* indices) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(c));
  for (std::int64_t row = 0; row < rows; ++row, input += c, values += k, indices += k) {
    const auto before = [input](std::int64_t a, std::int64_t b) {
      const bool a_nan = std::isnan(input[a]), b_nan = std::isnan(input[b]);
      if (a_nan != b_nan) return a_nan;
      if (!a_nan && input[a] != input[b]) return input[a] > input[b];
      return a < b;
    };
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::partial_sort(order.begin(), order.begin() + k, order.end(), before);
    for (std::int64_t i = 0; i < k; ++i) {
      indices[i] = order[static_cast<std::size_t>(i)];
      values[i] = input[indices[i]];
    }
  }
}

}  // namespace lamina::kernels::reference
