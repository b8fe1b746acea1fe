// The fully connected layer: weights streamed from memory once, in place, for all images at a time.
// See docs/kernels/linear.md.
#pragma once

#include "kernels/linear.h"

#include <cstdint>

namespace lamina::kernels::cpu {

void linear_stream(const LinearProblem& problem, Isa isa, const LinearArgs& args, Exec exec);

/// Computes outputs [out_begin, out_end) of every image.
using LinearKernel = void(const LinearProblem& problem, const LinearArgs& args,
                          std::int64_t out_begin, std::int64_t out_end);
LinearKernel* linear_kernel(Isa isa);

}  // namespace lamina::kernels::cpu
