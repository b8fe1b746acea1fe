// The shapes that every convolution algorithm is run on, and the running of one.
#pragma once

#include "kernels/conv2d.h"
#include "kernels/cpu/conv2d_amx.h"
#include "tests/kernels/support.h"

#include <string>
#include <vector>

namespace lamina::test {

struct Conv2dData {
  Floats input, weight, bias;  // bias may be empty: none
  float input_range = 0;
};

Conv2dData small_integer_data(const kernels::Conv2dProblem& problem);
Conv2dData real_data(const kernels::Conv2dProblem& problem);

float largest_magnitude(const Floats& values);

/// 3x3 with a pixel of padding, NHWC, on an image of size x size.
kernels::Conv2dProblem conv3x3(std::int64_t c_in, std::int64_t c_out, std::int64_t size);
/// One tile of F(m, 3): (m + 2)^2 pixels to m^2, three channels of output, no padding, NHWC.
kernels::Conv2dProblem one_winograd_tile(int m, std::int64_t c_in);
/// Makes the tile's signs those of the position's row and column of F(m, 3)'s B^T, which drives V
/// there to its bound; there are (m + 2)^2 positions.
void drive_position(int position, float magnitude, const kernels::Conv2dProblem& one_tile,
                    Conv2dData& data);

/// Shapes that straddle tiles, vectors, padding and groups, small enough for the reference.
std::vector<kernels::Conv2dProblem> edge_problems();
/// VGG16's distinct convolutions on a small image.
std::vector<kernels::Conv2dProblem> vgg16_problems();
/// 3x3 convolutions whose outputs end inside tiles of 4 and 6, with channels around vectors.
std::vector<kernels::Conv2dProblem> winograd_problems();

std::string describe(const kernels::Conv2dProblem& problem);

/// Every algorithm but the reference that can run the problem, at every instruction set; amx_bf16
/// once, and on any machine, since run_conv2d() has a model of the tile unit.
std::vector<kernels::Conv2dPlan> every_plan(const kernels::Conv2dProblem& problem, int threads);

/// The largest of each 2x2 of what the convolution gave; `problem` is the pooled one.
Floats pool_2x2(const kernels::Conv2dProblem& problem, const Floats& convolved);
Floats reference_conv2d(const kernels::Conv2dProblem& problem, const Conv2dData& data);

struct Conv2dRun {
  Floats output;
  bool guards_intact = false;  // around output, workspace and packed weight
};
/// Packs, fills the workspace with NaN, and runs, amx_bf16 on the model of the tile unit; `shift`
/// misaligns input and output.
Conv2dRun run_conv2d(const kernels::Conv2dProblem& problem, const kernels::Conv2dPlan& plan,
                     const Conv2dData& data, int threads, std::int64_t shift = 0);
/// The same with another tile unit.
Conv2dRun run_conv2d_on(kernels::cpu::AmxKernel* tiles, const kernels::Conv2dProblem& problem,
                        const kernels::Conv2dPlan& plan, const Conv2dData& data, int threads,
                        std::int64_t shift = 0);

}  // namespace lamina::test
