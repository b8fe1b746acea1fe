// The running of a plan with somebody else's tile unit: how tests run plans for AMX anywhere.
#pragma once

#include "kernels/conv2d.h"
#include "kernels/cpu/conv2d_amx.h"

namespace lamina::kernels {

/// conv2d_forward() with the products of amx_bf16 done by `tiles`; other algorithms have none.
void conv2d_forward_on(cpu::AmxKernel* tiles, const Conv2dProblem& problem, const Conv2dPlan& plan,
                       const Conv2dArgs& args, Exec exec);

}  // namespace lamina::kernels
