// From logits to an answer: the best classes and how sure the model is.
//
//   for (const ClassScore& best : top_classes(session.run(batch), 5)[0]) …
#pragma once

#include <lamina/core/export.h>
#include <lamina/core/tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace lamina {

struct ClassScore {
  std::int64_t index = 0;
  float probability = 0;  ///< of the softmax over all classes
  float logit = 0;
};

/// The k best of one image's logits, or all where there are fewer; falling order, of equal logits
/// the lower index first, NaN before everything, as torch.topk has it.
/// Errors:   InvalidArgument for k < 0
LAMINA_API std::vector<ClassScore> top_classes(std::span<const float> logits, std::int64_t k);

/// The same for each row of logits.
/// Shapes:   logits [n, classes], f32
/// Errors:   InvalidArgument for any other shape or dtype, or k < 0
LAMINA_API std::vector<std::vector<ClassScore>> top_classes(const Tensor& logits, std::int64_t k);

}  // namespace lamina
