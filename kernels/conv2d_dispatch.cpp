#include "kernels/conv2d.h"
#include "kernels/cpu/conv2d_indirect_gemm.h"
#include "kernels/reference/reference.h"

#include <cstring>

namespace lamina::kernels {

void pack_conv2d_weight(const Conv2dProblem& problem, const Conv2dPlan& plan, const float* weight,
                        void* packed) {
  switch (plan.algo) {
    case Conv2dAlgo::reference:
      std::memcpy(packed, weight, static_cast<std::size_t>(plan.packed_weight_bytes));
      return;
    case Conv2dAlgo::indirect_gemm:
      cpu::indirect_gemm_pack(problem, plan.block_n, weight, static_cast<float*>(packed));
      return;
  }
}

void conv2d_forward(const Conv2dProblem& problem, const Conv2dPlan& plan, const Conv2dArgs& args,
                    Exec exec) {
  switch (plan.algo) {
    case Conv2dAlgo::reference:
      reference::conv2d(problem, args.input, static_cast<const float*>(args.weight), args.bias,
                        args.output);
      return;
    case Conv2dAlgo::indirect_gemm: cpu::indirect_gemm_forward(problem, plan, args, exec); return;
  }
}

}  // namespace lamina::kernels
