#include "nn/session/flatten_op.h"

#include "core/require.h"

#include <vector>

namespace lamina::nn::detail {

Shape flatten_shape(const Shape& input, std::int64_t start_dim, std::int64_t end_dim) {
  const std::int64_t rank = input.rank();
  const std::int64_t first = start_dim < 0 ? start_dim + rank : start_dim;
  const std::int64_t last = end_dim < 0 ? end_dim + rank : end_dim;
  LAMINA_REQUIRE(first >= 0 && first <= last && last < rank,
                 "[flatten] dimensions {} to {} of an input of shape {}", start_dim, end_dim,
                 input);
  std::vector<std::int64_t> sizes;
  std::int64_t joined = 1;
  for (int axis = 0; axis < input.rank(); ++axis) {
    if (axis < first || axis > last) {
      sizes.push_back(input[axis]);
      continue;
    }
    joined *= input[axis];
    if (axis == last) sizes.push_back(joined);
  }
  return Shape(std::span<const std::int64_t>(sizes));
}

Shape FlattenOp::output_shape(const Shape& input) const {
  return flatten_shape(input, start_dim_, end_dim_);
}

}  // namespace lamina::nn::detail
