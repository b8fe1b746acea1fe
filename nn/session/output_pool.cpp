#include "nn/session/output_pool.h"

namespace lamina::nn::detail {
namespace {

bool is_free(const Tensor& tensor) {
  if (tensor.use_count() != 1) return false;
  // The last reader may have let go on another thread: its reads come before our writes. The count
  // itself is read without order; letting go of a handle of our own orders it.
  { const Tensor handle = tensor; }
  return true;
}

}  // namespace

Tensor OutputPool::acquire(const Shape& shape) {
  for (const Tensor& tensor : tensors_) {
    if (tensor.shape() == shape && is_free(tensor)) return tensor;
  }
  std::erase_if(tensors_, [&](const Tensor& t) { return t.shape() != shape && is_free(t); });
  const bool first = tensors_.empty();
  tensors_.push_back(Tensor::empty(shape));
  if (first) tensors_.push_back(Tensor::empty(shape));
  return tensors_.front().shape() == shape && first ? tensors_.front() : tensors_.back();
}

}  // namespace lamina::nn::detail
