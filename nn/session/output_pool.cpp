#include "nn/session/output_pool.h"

#include <atomic>

namespace lamina::nn::detail {
namespace {

bool is_free(const Tensor& tensor) {
  if (tensor.use_count() != 1) return false;
  // The last reader may have let go on another thread: its reads come before our writes.
  std::atomic_thread_fence(std::memory_order_acquire);
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
