// Result tensors that a session hands out and takes back when nobody holds them any more.
#pragma once

#include <lamina/core/tensor.h>

#include <vector>

namespace lamina::nn::detail {

class OutputPool {
 public:
  /// A tensor of this shape that nobody else holds. The pool begins with two, so that
  /// `y = session.run(x)` in a loop, which holds one result while the next is made, never allocates
  /// after the first call.
  Tensor acquire(const Shape& shape);

 private:
  std::vector<Tensor> tensors_;
};

}  // namespace lamina::nn::detail
