#include "tests/kernels/conv2d_cases.h"

#include "kernels/conv2d_dispatch.h"
#include "kernels/cpu/conv2d_winograd.h"
#include "kernels/reference/reference.h"
#include "tests/kernels/tile_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace lamina::test {
namespace {

using kernels::Conv2dProblem;
using kernels::Layout;

std::int64_t input_count(const Conv2dProblem& p) { return p.n * p.c_in * p.h * p.w; }
std::int64_t output_count(const Conv2dProblem& p) {
  return p.n * p.c_out * p.stored_h() * p.stored_w();
}
std::int64_t weight_count(const Conv2dProblem& p) {
  return p.c_out * (p.c_in / p.groups) * p.kh * p.kw;
}

Conv2dProblem square(std::int64_t c_in, std::int64_t c_out, std::int64_t size) {
  Conv2dProblem problem = conv3x3(c_in, c_out, size);
  problem.relu = true;
  return problem;
}

// Aligned memory between two guards. All of it is NaN: what a kernel reads before it wrote shows.
class GuardedBytes {
 public:
  explicit GuardedBytes(std::int64_t size_bytes)
      : size_bytes_(size_bytes), bytes_(size_bytes + 2 * kGuard) {
    std::memset(bytes_.data(), kGuardByte, static_cast<std::size_t>(size_bytes + 2 * kGuard));
  }

  void* data() const { return size_bytes_ > 0 ? begin() + kGuard : nullptr; }
  bool guards_intact() const {
    const auto intact = [](const unsigned char* guard) {
      return std::all_of(guard, guard + kGuard, [](unsigned char b) { return b == kGuardByte; });
    };
    return intact(begin()) && intact(begin() + kGuard + size_bytes_);
  }

 private:
  static constexpr std::int64_t kGuard = 128;
  static constexpr unsigned char kGuardByte = 0xff;

  unsigned char* begin() const { return static_cast<unsigned char*>(bytes_.data()); }

  std::int64_t size_bytes_;
  AlignedBytes bytes_;
};

}  // namespace

Conv2dData small_integer_data(const Conv2dProblem& p) {
  return {small_integers(input_count(p), 1), small_integers(weight_count(p), 2),
          small_integers(p.c_out, 3)};
}

Conv2dData real_data(const Conv2dProblem& p) {
  return {reals(input_count(p), 4), reals(weight_count(p), 5), reals(p.c_out, 6)};
}

float largest_magnitude(const Floats& values) {
  float result = 0;
  for (const float value : values) result = std::max(result, std::fabs(value));
  return result;
}

Conv2dProblem conv3x3(std::int64_t c_in, std::int64_t c_out, std::int64_t size) {
  return {.c_in = c_in,
          .h = size,
          .w = size,
          .c_out = c_out,
          .kh = 3,
          .kw = 3,
          .pad_h = 1,
          .pad_w = 1,
          .layout = Layout::nhwc};
}

Conv2dProblem one_winograd_tile(int m, std::int64_t c_in) {
  Conv2dProblem problem = conv3x3(c_in, 3, m + 2);
  problem.pad_h = problem.pad_w = 0;
  return problem;
}

void drive_position(int position, float magnitude, const Conv2dProblem& one_tile,
                    Conv2dData& data) {
  // The signs of B^T.
  constexpr const char* kOfM4[] = {"+0-0+0", "0--++0", "0+--+0", "0--++0", "0+--+0", "0+0-0+"};
  constexpr const char* kOfM6[] = {"+0-0+0-0", "0++--++0", "0-++--+0", "0++--++0",
                                   "0-++--+0", "0++--++0", "0-++--+0", "0-0+0-0+"};
  const auto side = static_cast<int>(one_tile.h);
  const auto sign = [&](int row, int col) {
    const char c = (side == 6 ? kOfM4 : kOfM6)[row][col];
    return c == '0' ? 0.0f : c == '+' ? 1.0f : -1.0f;
  };
  for (int pixel = 0; pixel < side * side; ++pixel) {
    const float value =
        magnitude * sign(position / side, pixel / side) * sign(position % side, pixel % side);
    std::fill_n(data.input.begin() + pixel * one_tile.c_in, one_tile.c_in, value);
  }
}

std::vector<Conv2dProblem> edge_problems() {
  std::vector<Conv2dProblem> problems;
  // Output channels around one vector and one tile of every width; output pixels around block_m.
  for (const std::int64_t c_out : {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 37, 64}) {
    problems.push_back({.n = 2,
                        .c_in = 5,
                        .h = 3,
                        .w = 3,
                        .c_out = c_out,
                        .kh = 3,
                        .kw = 3,
                        .pad_h = 1,
                        .pad_w = 1});
  }
  for (const std::int64_t w : {1, 2, 3, 5, 6, 7, 11, 12, 13, 23, 29}) {
    problems.push_back({.c_in = 3, .h = 1, .w = w, .c_out = 17, .kh = 1, .kw = 1, .relu = true});
  }
  // Strides, paddings and dilations that differ by axis; padding that no tap of a row is inside of.
  problems.push_back({.n = 3,
                      .c_in = 4,
                      .h = 11,
                      .w = 7,
                      .c_out = 6,
                      .kh = 3,
                      .kw = 2,
                      .stride_h = 2,
                      .stride_w = 3,
                      .pad_h = 0,
                      .pad_w = 2,
                      .dilation_h = 2,
                      .dilation_w = 1});
  problems.push_back({.c_in = 2,
                      .h = 4,
                      .w = 9,
                      .c_out = 18,
                      .kh = 5,
                      .kw = 3,
                      .pad_h = 5,
                      .pad_w = 4,
                      .dilation_w = 3,
                      .relu = true});
  problems.push_back({.c_in = 3,
                      .h = 23,
                      .w = 23,
                      .c_out = 20,
                      .kh = 11,
                      .kw = 11,
                      .stride_h = 4,
                      .stride_w = 4,
                      .pad_h = 2,
                      .pad_w = 2});
  problems.push_back({.c_in = 7, .h = 5, .w = 5, .c_out = 9, .kh = 5, .kw = 5});
  // Groups: two, one channel each (depthwise), and with a multiplier.
  problems.push_back({.n = 2,
                      .c_in = 6,
                      .h = 5,
                      .w = 5,
                      .c_out = 34,
                      .kh = 3,
                      .kw = 3,
                      .pad_h = 1,
                      .pad_w = 1,
                      .groups = 2,
                      .relu = true});
  problems.push_back({.c_in = 9,
                      .h = 6,
                      .w = 5,
                      .c_out = 9,
                      .kh = 3,
                      .kw = 3,
                      .pad_h = 1,
                      .pad_w = 1,
                      .groups = 9});
  problems.push_back({.c_in = 3,
                      .h = 6,
                      .w = 5,
                      .c_out = 12,
                      .kh = 3,
                      .kw = 3,
                      .stride_h = 2,
                      .stride_w = 2,
                      .groups = 3});
  problems.push_back({.n = 0, .c_in = 3, .h = 4, .w = 4, .c_out = 8});

  const std::size_t nchw_count = problems.size();
  for (std::size_t i = 0; i < nchw_count; ++i) {
    problems.push_back(problems[i]);
    problems.back().layout = Layout::nhwc;
  }
  return problems;
}

std::vector<Conv2dProblem> vgg16_problems() {
  return {square(3, 64, 9),    square(64, 64, 9),   square(64, 128, 9),  square(128, 128, 7),
          square(128, 256, 7), square(256, 256, 7), square(256, 512, 5), square(512, 512, 5)};
}

std::vector<Conv2dProblem> winograd_problems() {
  std::vector<Conv2dProblem> problems;
  for (const std::int64_t size : {1, 2, 4, 5, 6, 7, 11, 12, 13}) {
    problems.push_back(square(3, 5, size));
    problems.back().w = size + 1;
  }
  for (const std::int64_t c_in : {1, 2, 7, 8, 9, 16, 17, 33, 64}) {
    problems.push_back(square(c_in, 16, 7));
  }
  for (const std::int64_t c_out : {1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48}) {
    problems.push_back(square(6, c_out, 5));
    problems.back().relu = false;
  }
  problems.push_back(square(4, 20, 9));
  problems.back().n = 4;
  for (const std::int64_t pad : {0, 2, 3}) {
    problems.push_back(square(5, 9, 6));
    problems.back().pad_h = pad;
    problems.push_back(square(5, 9, 6));
    problems.back().pad_w = pad;
  }
  const std::size_t nhwc_count = problems.size();
  for (std::size_t i = 0; i < nhwc_count; i += 3) {
    problems.push_back(problems[i]);
    problems.back().layout = Layout::nchw;
  }
  return problems;
}

std::vector<kernels::Conv2dPlan> every_plan(const Conv2dProblem& problem, int threads) {
  using kernels::Conv2dAlgo;
  std::vector<kernels::Conv2dPlan> plans;
  if (problem.may_round_to_bf16 && kernels::cpu::amx_is_legal(problem)) {
    plans.push_back(plan_conv2d_as(Conv2dAlgo::amx_bf16, problem, every_isa().back(), threads));
  }
  for (const CpuFeatures& features : every_isa()) {
    plans.push_back(plan_conv2d_as(Conv2dAlgo::indirect_gemm, problem, features, threads));
    if (!kernels::cpu::winograd_is_legal(problem)) continue;
    plans.push_back(plan_conv2d_as(Conv2dAlgo::winograd_f4, problem, features, threads));
    plans.push_back(plan_conv2d_as(Conv2dAlgo::winograd_f6, problem, features, threads));
    if (problem.may_round_to_16_bits) {
      plans.push_back(plan_conv2d_as(Conv2dAlgo::winograd_f4_q15, problem, features, threads));
      plans.push_back(plan_conv2d_as(Conv2dAlgo::winograd_f6_q15, problem, features, threads));
    }
  }
  return plans;
}

std::string describe(const Conv2dProblem& p) {
  return fmt::format(
      "n {} c_in {} h {} w {} c_out {} kernel {}x{} stride {}x{} pad {}x{} dilation {}x{} "
      "groups {}{}{} {}",
      p.n, p.c_in, p.h, p.w, p.c_out, p.kh, p.kw, p.stride_h, p.stride_w, p.pad_h, p.pad_w,
      p.dilation_h, p.dilation_w, p.groups, p.relu ? " relu" : "",
      p.max_pool_2x2 ? " max_pool" : "", p.layout == Layout::nchw ? "nchw" : "nhwc");
}

Floats pool_2x2(const Conv2dProblem& p, const Floats& convolved) {
  Floats output(static_cast<std::size_t>(p.n * p.c_out * p.stored_h() * p.stored_w()));
  if (output.empty()) return output;
  kernels::reference::max_pool2d(
      {.n = p.n, .c = p.c_out, .h = p.oh(), .w = p.ow(), .layout = p.layout}, convolved.data(),
      output.data());
  return output;
}

Floats reference_conv2d(const Conv2dProblem& problem, const Conv2dData& data) {
  if (problem.max_pool_2x2) {
    Conv2dProblem convolution = problem;
    convolution.max_pool_2x2 = false;
    return pool_2x2(problem, reference_conv2d(convolution, data));
  }
  Floats output(static_cast<std::size_t>(output_count(problem)));
  kernels::reference::conv2d(problem, data.input.data(), data.weight.data(),
                             data.bias.empty() ? nullptr : data.bias.data(), output.data());
  return output;
}

Conv2dRun run_conv2d(const Conv2dProblem& problem, const kernels::Conv2dPlan& plan,
                     const Conv2dData& data, int threads, std::int64_t shift) {
  return run_conv2d_on(kModelKernel, problem, plan, data, threads, shift);
}

Conv2dRun run_conv2d_on(kernels::cpu::AmxKernel* tiles, const Conv2dProblem& problem,
                        const kernels::Conv2dPlan& plan, const Conv2dData& data, int threads,
                        std::int64_t shift) {
  const GuardedBytes packed(plan.packed_weight_bytes), workspace(plan.workspace_bytes);
  kernels::pack_conv2d_weight(problem, plan, data.weight.data(), packed.data());
  Floats input(static_cast<std::size_t>(shift), 0.0f);
  input.insert(input.end(), data.input.begin(), data.input.end());
  GuardedOutput output(output_count(problem), shift);
  kernels::conv2d_forward_on(tiles, problem, plan,
                             {.input = input.data() + shift,
                              .weight = packed.data(),
                              .bias = data.bias.empty() ? nullptr : data.bias.data(),
                              .output = output.data(),
                              .workspace = workspace.data(),
                              .input_range = data.input_range},
                             {.threads = threads});
  const bool intact = output.guards_intact() && packed.guards_intact() && workspace.guards_intact();
  return {output.values(), intact};
}

}  // namespace lamina::test
