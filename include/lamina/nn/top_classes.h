// From a classifier's logits to its answer.
//
//   for (const ClassScore& score : top_classes(session.run(batch), 5)[0]) ...
#pragma once

#include <lamina/core/export.h>
#include <lamina/core/tensor.h>

#include <cstdint>
#include <vector>

namespace lamina {

struct ClassScore {
  std::int64_t index = 0;  ///< of the class
  float probability = 0;   ///< softmax of all logits of the image
  float logit = 0;
};

/// The k most probable classes of each image in falling order, all where there are fewer; of equal
/// ones the lower index comes first, NaN before everything, as in PyTorch's topk.
/// Shapes:   logits [n, classes]
/// Types:    f32
/// Errors:   InvalidArgument for any other shape or dtype, or k < 0
LAMINA_API std::vector<std::vector<ClassScore>> top_classes(const Tensor& logits, std::int64_t k);

}  // namespace lamina
