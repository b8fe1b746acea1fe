// Flatten in a plan: the values stay in their order, so only NCHW can be flattened.
#pragma once

#include "nn/session/copy_op.h"

namespace lamina::nn::detail {

class FlattenOp : public CopyOp {
 public:
  FlattenOp(std::int64_t start_dim, std::int64_t end_dim)
      : start_dim_(start_dim), end_dim_(end_dim) {}

  std::string what() const override { return "flatten"; }
  Shape output_shape(const Shape& input) const override;
  LayoutNeed layout_need() const override { return LayoutNeed::nchw; }

 private:
  std::int64_t start_dim_, end_dim_;
};

/// The shape with axes start_dim to end_dim (negative ones count from the last) joined. Throws
/// InvalidArgument where there are no such axes.
Shape flatten_shape(const Shape& input, std::int64_t start_dim, std::int64_t end_dim);

}  // namespace lamina::nn::detail
