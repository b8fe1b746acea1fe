#include <lamina/nn/top_classes.h>

#include "core/require.h"
#include "kernels/classify.h"

#include <algorithm>

namespace lamina {

std::vector<ClassScore> top_classes(std::span<const float> logits, std::int64_t k) {
  LAMINA_REQUIRE(k >= 0, "[top_classes] the best {}", k);
  const auto classes = static_cast<std::int64_t>(logits.size());
  k = std::min(k, classes);
  if (k == 0) return {};
  std::vector<float> probabilities(logits.size()), values(static_cast<std::size_t>(k));
  std::vector<std::int64_t> indices(static_cast<std::size_t>(k));
  kernels::softmax_forward(1, classes, 1, logits.data(), probabilities.data(), {});
  kernels::topk_forward(1, classes, k, logits.data(), values.data(), indices.data());
  std::vector<ClassScore> best;
  for (const std::int64_t index : indices) {
    const auto at = static_cast<std::size_t>(index);
    best.push_back({.index = index, .probability = probabilities[at], .logit = logits[at]});
  }
  return best;
}

std::vector<std::vector<ClassScore>> top_classes(const Tensor& logits, std::int64_t k) {
  LAMINA_REQUIRE(logits.defined() && logits.rank() == 2,
                 "[top_classes] logits are [n, classes], not {}", logits.shape());
  const Tensor rows = logits.contiguous();
  std::vector<std::vector<ClassScore>> all;
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    all.push_back(top_classes(rows.select(0, i).values<float>(), k));
  }
  return all;
}

}  // namespace lamina
