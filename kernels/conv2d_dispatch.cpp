#include "kernels/conv2d_dispatch.h"

#include "kernels/conv2d_staging.h"
#include "kernels/cpu/conv2d_amx.h"
#include "kernels/cpu/conv2d_indirect_gemm.h"
#include "kernels/cpu/conv2d_winograd.h"
#include "kernels/elementwise.h"
#include "kernels/pool2d.h"
#include "kernels/reference/reference.h"

#include <cstring>

namespace lamina::kernels {
namespace {

void run_algorithm(cpu::AmxKernel* tiles, const Conv2dProblem& problem, const Conv2dPlan& plan,
                   const Conv2dArgs& args, Exec exec) {
  switch (plan.algo) {
    case Conv2dAlgo::reference:
      reference::conv2d(problem, args.input, static_cast<const float*>(args.weight), args.bias,
                        args.output);
      return;
    case Conv2dAlgo::indirect_gemm: cpu::indirect_gemm_forward(problem, plan, args, exec); return;
    case Conv2dAlgo::winograd_f4:
    case Conv2dAlgo::winograd_f6:
    case Conv2dAlgo::winograd_f4_q15:
    case Conv2dAlgo::winograd_f6_q15: cpu::winograd_forward(problem, plan, args, exec); return;
    case Conv2dAlgo::amx_bf16: cpu::amx_forward(problem, plan, args, exec, tiles); return;
  }
}

void max_pool_2x2(const Conv2dProblem& p, const float* convolved, float* output, Exec exec) {
  if (p.stored_h() == 0 || p.stored_w() == 0) return;
  max_pool2d_forward({.n = p.n, .c = p.c_out, .h = p.oh(), .w = p.ow(), .layout = p.layout},
                     convolved, output, exec);
}

}  // namespace

void pack_conv2d_weight(const Conv2dProblem& problem, const Conv2dPlan& plan, const float* weight,
                        void* packed, Exec exec) {
  switch (plan.algo) {
    case Conv2dAlgo::reference:
      std::memcpy(packed, weight, static_cast<std::size_t>(plan.packed_weight_bytes));
      return;
    case Conv2dAlgo::indirect_gemm:
      cpu::indirect_gemm_pack(problem, plan.block_n, weight, static_cast<float*>(packed));
      return;
    case Conv2dAlgo::winograd_f4:
    case Conv2dAlgo::winograd_f6:
    case Conv2dAlgo::winograd_f4_q15:
    case Conv2dAlgo::winograd_f6_q15:
      cpu::winograd_pack(problem, plan, weight, static_cast<float*>(packed), exec);
      return;
    case Conv2dAlgo::amx_bf16: cpu::amx_pack(problem, weight, packed, exec); return;
  }
}

void conv2d_forward(const Conv2dProblem& problem, const Conv2dPlan& plan, const Conv2dArgs& args,
                    Exec exec) {
  conv2d_forward_on(cpu::amx_kernel(), problem, plan, args, exec);
}

void conv2d_forward_on(cpu::AmxKernel* tiles, const Conv2dProblem& problem, const Conv2dPlan& plan,
                       const Conv2dArgs& args, Exec exec) {
  const Conv2dStaging staging(problem, plan.algo);
  float* const input = static_cast<float*>(args.workspace);
  float* const convolved = input + staging.input;
  float* const output = convolved + staging.convolved;

  Conv2dProblem inner = problem;
  if (staging.converts) inner.layout = Layout::nhwc;
  if (staging.pools) inner.max_pool_2x2 = false;
  float* const result = staging.converts ? output : args.output;
  Conv2dArgs inner_args = args;
  inner_args.workspace = output + staging.output;
  inner_args.input = staging.converts ? input : args.input;
  inner_args.output = staging.pools ? convolved : result;

  if (staging.converts) {
    convert_layout(Layout::nchw, Layout::nhwc, problem.n, problem.c_in, problem.h * problem.w,
                   args.input, input, exec);
  }
  run_algorithm(tiles, inner, plan, inner_args, exec);
  if (staging.pools) {
    Conv2dProblem pooled = inner;
    pooled.max_pool_2x2 = true;
    max_pool_2x2(pooled, convolved, result, exec);
  }
  if (staging.converts) {
    convert_layout(Layout::nhwc, Layout::nchw, problem.n, problem.c_out,
                   problem.stored_h() * problem.stored_w(), output, args.output, exec);
  }
}

}  // namespace lamina::kernels
