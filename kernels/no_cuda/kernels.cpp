// The CUDA kernels' contracts in a build without CUDA. There are no devices then, so no session
// gets so far.
#include "kernels/cuda/classify.h"
#include "kernels/cuda/conv2d/conv2d.h"
#include "kernels/cuda/pointwise.h"
#include "kernels/cuda/pool2d.h"
#include "kernels/cuda/preprocess.h"

namespace lamina::kernels::cuda {
namespace {

[[noreturn]] void refuse() { throw DeviceError("[cuda] this build has no CUDA"); }

}  // namespace

void relu_forward(Stream&, Element, const void*, void*, std::int64_t) { refuse(); }
void batch_norm_forward(Stream&, Element, const BatchNormProblem&, const BatchNormArgs&) {
  refuse();
}
void dropout_forward(Stream&, Element, const void*, void*, std::int64_t, float, std::uint64_t) {
  refuse();
}
void add_bias(Stream&, Element, std::int64_t, std::int64_t, const float*, bool, void*) { refuse(); }
void convert(Stream&, std::int64_t, std::int64_t, std::int64_t, const Format&, const Format&,
             const void*, void*) {
  refuse();
}
void max_pool2d_forward(Stream&, Element, const Pool2dProblem&, const void*, void*) { refuse(); }
void avg_pool2d_forward(Stream&, Element, const Pool2dProblem&, const void*, void*) { refuse(); }
void adaptive_avg_pool2d_forward(Stream&, Element, const AdaptivePool2dProblem&, const void*,
                                 void*) {
  refuse();
}
void softmax_forward(Stream&, Element, std::int64_t, std::int64_t, std::int64_t, const void*,
                     void*) {
  refuse();
}
void topk_forward(Stream&, std::int64_t, std::int64_t, std::int64_t, const float*, float*,
                  std::int64_t*) {
  refuse();
}
std::int64_t preprocess_workspace_bytes(const PreprocessProblem&) { refuse(); }
void preprocess(Stream&, const PreprocessProblem&, const std::uint8_t*, void*, void*) { refuse(); }
void conv2d_forward(Stream&, const Conv2dProblem&, const Conv2dPlan&, const Conv2dArgs&) {
  refuse();
}

}  // namespace lamina::kernels::cuda
