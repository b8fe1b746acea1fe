#include <lamina/nn/top_classes.h>

#include "core/require.h"
#include "kernels/classify.h"
#include "nn/input.h"

#include <algorithm>

namespace lamina {

std::vector<std::vector<ClassScore>> top_classes(const Tensor& given, std::int64_t k) {
  const Tensor logits = nn::f32_input("top_classes", given);
  LAMINA_REQUIRE(logits.rank() == 2, "[top_classes] logits are {}, not [n, classes]",
                 logits.shape());
  LAMINA_REQUIRE(k >= 0, "[top_classes] k={}", k);
  const std::int64_t n = logits.size(0), classes = logits.size(1);
  std::vector<std::vector<ClassScore>> result(static_cast<std::size_t>(n));
  k = std::min(k, classes);
  if (n == 0 || k == 0) return result;

  const auto total = static_cast<std::size_t>(n * k);
  std::vector<float> values(total);
  std::vector<std::int64_t> indices(total);
  kernels::topk_forward(n, classes, k, logits.data<float>(), values.data(), indices.data());
  Tensor probabilities = Tensor::empty(logits.shape());
  kernels::softmax_forward(n, classes, 1, logits.data<float>(), probabilities.mutable_data<float>(),
                           {});
  for (std::size_t at = 0; at < total; ++at) {
    const std::int64_t image = static_cast<std::int64_t>(at) / k;
    result[static_cast<std::size_t>(image)].push_back(
        {.index = indices[at],
         .probability = probabilities.data<float>()[image * classes + indices[at]],
         .logit = values[at]});
  }
  return result;
}

}  // namespace lamina
