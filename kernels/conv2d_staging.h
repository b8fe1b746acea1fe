// What any convolution algorithm may need around it: a change of layout on the way in and out, and
// max pooling where it has none of its own.
#pragma once

#include "core/checked_math.h"
#include "kernels/conv2d.h"

#include <cstdint>

namespace lamina::kernels {

/// The front of a call's workspace; what the algorithm itself asks for follows.
struct Conv2dStaging {
  bool converts = false;  ///< the algorithm takes NHWC only, and the problem is NCHW
  bool pools = false;     ///< max pooling is a pass of its own
  std::int64_t input = 0, convolved = 0, output = 0;  ///< floats

  Conv2dStaging(const Conv2dProblem& p, Conv2dAlgo algo) {
    converts = p.layout == Layout::nchw && algo != Conv2dAlgo::reference;
    pools = p.max_pool_2x2 && (algo == Conv2dAlgo::reference || algo == Conv2dAlgo::indirect_gemm);
    constexpr std::int64_t kFloatsOfLine = 16;
    if (converts) {
      input = round_up(p.n * p.h * p.w * p.c_in, kFloatsOfLine);
      output = round_up(p.n * p.stored_h() * p.stored_w() * p.c_out, kFloatsOfLine);
    }
    if (pools) convolved = round_up(p.n * p.oh() * p.ow() * p.c_out, kFloatsOfLine);
  }

  std::int64_t bytes() const {
    return (input + convolved + output) * static_cast<std::int64_t>(sizeof(float));
  }
};

}  // namespace lamina::kernels
