// One convolution on the device beside the reference: what cases of convolutions are made of.
#pragma once

#include "kernels/cuda/conv2d/conv2d.h"
#include "tests/kernels/cuda/cases.h"

#include <string>
#include <vector>

namespace lamina::kernels::cuda {

/// An H100, as plans see it.
inline constexpr DeviceProperties kHopper{.name = {}, .compute_major = 9, .multiprocessors = 132};

/// Values of a problem: [n, h, w, c_in], [c_out, c_in / groups, kh, kw], [c_out].
struct ConvValues {
  std::vector<float> input, weight, bias;
};

/// With fp8: a value is what lies in memory, times these. 448 * output is less than some sums are.
struct TrialScales {
  float input, output;
};
TrialScales scales_of(const Conv2dProblem& p);

/// Whole numbers small enough that every sum is exact, or reals.
ConvValues make_values(const Conv2dProblem& p, bool whole);
/// complaint: "" or that elements around the output were written.
std::vector<float> run_on_device(const Conv2dProblem& p, const Conv2dPlan& plan,
                                 const ConvValues& values, bool with_bias, std::string& complaint);
std::vector<float> expected_of(const Conv2dProblem& p, const ConvValues& values, bool with_bias);
/// "" or where the plan's result is not the reference's: exactly for whole numbers, else within the
/// bound of the precision.
std::string check_conv(const Conv2dProblem& p, const Conv2dPlan& plan, bool whole, bool with_bias);
/// What the device stores of these results, in the units of the results.
std::vector<float> as_stored(const Conv2dProblem& p, std::vector<float> values);
std::string describe(const Conv2dProblem& p, const Conv2dPlan& plan);
void add_conv(std::vector<KernelCase>& cases, const Conv2dProblem& p, const Conv2dPlan& plan,
              bool whole = true, bool with_bias = true);
/// The plan with so many chunks, split or not.
Conv2dPlan with_chunks(Conv2dPlan plan, const Conv2dProblem& p, int chunks, bool split);
/// In NHWC.
Conv2dProblem conv_problem(Precision precision, kernels::Conv2dProblem conv);

}  // namespace lamina::kernels::cuda
