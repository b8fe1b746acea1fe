// Convolution as a blocked matrix product whose left side is never built: rows of pointers say
// where each output pixel's inputs lie (the indirection buffer of XNNPACK). See
// docs/kernels/conv2d.md.
#pragma once

#include "kernels/conv2d.h"
#include "kernels/cpu/register_tile.h"

#include <cstdint>

namespace lamina::kernels::cpu {

/// A kernel with more taps than this is not legal: a tile's pointers live on the stack.
inline constexpr std::int64_t kMaxTaps = 256;

/// The narrow tile is for groups of no more output channels than a vector has lanes.
RegisterTile indirect_gemm_tile(Isa isa);

std::int64_t indirect_gemm_packed_bytes(const Conv2dProblem& problem, int block_n);
std::int64_t indirect_gemm_workspace_bytes(const Conv2dProblem& problem);

/// weight [c_out, c_in / groups, kh, kw] -> packed [groups][panel][kh][kw][c_in / groups][block_n]:
/// a panel is block_n output channels of one group, the last one filled up with zeros.
void indirect_gemm_pack(const Conv2dProblem& problem, int block_n, const float* weight,
                        float* packed);

void indirect_gemm_forward(const Conv2dProblem& problem, const Conv2dPlan& plan,
                           const Conv2dArgs& args, Exec exec);

/// What the kernel below works on: one call's pointers, all NHWC.
struct IndirectConv {
  Conv2dProblem problem;
  int block_n;
  const float* input;   // [n, h, w, c_in]
  const float* packed;  // see indirect_gemm_pack()
  const float* bias;    // [c_out], or nullptr
  float* output;        // [n, oh, ow, c_out]
  const float* zeros;   // [kw * c_in / groups]: what taps in the padding read
};

/// Output pixels [pixel_begin, pixel_end) of [0, n*oh*ow), panels [panel_begin, panel_end) of
/// group.
struct IndirectRange {
  std::int64_t pixel_begin, pixel_end;
  std::int64_t group, panel_begin, panel_end;
};

using IndirectGemmKernel = void(const IndirectConv& conv, const IndirectRange& range);
IndirectGemmKernel* indirect_gemm_kernel(Isa isa);

}  // namespace lamina::kernels::cpu
