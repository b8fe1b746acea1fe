#include "kernels/conv2d.h"
#include "kernels/reference/reference.h"

#include <cstring>

namespace lamina::kernels {

void pack_conv2d_weight(const Conv2dProblem&, const Conv2dPlan& plan, const float* weight,
                        void* packed) {
  std::memcpy(packed, weight, static_cast<std::size_t>(plan.packed_weight_bytes));
}

void conv2d_forward(const Conv2dProblem& problem, const Conv2dPlan&, const Conv2dArgs& args, Exec) {
  reference::conv2d(problem, args.input, static_cast<const float*>(args.weight), args.bias,
                    args.output);
}

}  // namespace lamina::kernels
