#include "kernels/pool2d.h"

#include "kernels/reference/reference.h"
#include "tests/kernels/support.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <limits>

namespace lamina::test {
namespace {

using kernels::AdaptivePool2dProblem;
using kernels::Layout;
using kernels::Pool2dProblem;

// In both layouts, with channels around a vector of every width.
std::vector<Pool2dProblem> problems() {
  std::vector<Pool2dProblem> result;
  for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
    for (const std::int64_t c : {1, 3, 4, 7, 8, 9, 15, 17, 64}) {
      result.push_back({.n = 2, .c = c, .h = 6, .w = 10, .layout = layout});
    }
    for (const std::int64_t w : {2, 3, 15, 16, 17, 31, 33, 34}) {
      result.push_back({.c = 3, .h = 5, .w = w, .layout = layout});
    }
    result.push_back({.n = 2,
                      .c = 5,
                      .h = 7,
                      .w = 9,
                      .kh = 3,
                      .kw = 3,
                      .pad_h = 1,
                      .pad_w = 1,
                      .layout = layout});
    result.push_back({.c = 5,
                      .h = 7,
                      .w = 8,
                      .kh = 3,
                      .kw = 2,
                      .pad_h = 1,
                      .ceil_mode = true,
                      .count_include_pad = false,
                      .layout = layout});
    result.push_back({.c = 5, .h = 7, .w = 7, .ceil_mode = true, .layout = layout});
    result.push_back(
        {.c = 9, .h = 6, .w = 6, .kh = 3, .kw = 3, .divisor_override = 4, .layout = layout});
    result.push_back({.n = 0, .c = 3, .h = 4, .w = 4, .layout = layout});
  }
  return result;
}

std::string describe(const Pool2dProblem& p) {
  return fmt::format("n {} c {} h {} w {} kernel {}x{} pad {}x{} ceil {} {}", p.n, p.c, p.h, p.w,
                     p.kh, p.kw, p.pad_h, p.pad_w, p.ceil_mode,
                     p.layout == Layout::nchw ? "nchw" : "nhwc");
}

// Runs `fast` at every instruction set and on one and two threads, each time against `expected`.
template <typename Run>
void check_everywhere(const Floats& expected, Run&& fast) {
  for (const CpuFeatures& features : every_isa()) {
    const ScopedIsa isa(features.isa);
    for (const int threads : {1, 2}) {
      INFO(to_string(features.isa) << ", " << threads << " threads");
      GuardedOutput output(static_cast<std::int64_t>(expected.size()), 1);
      fast(output.data(), kernels::Exec{.threads = threads});
      CHECK(difference(expected, output.values()) == "");
      CHECK(output.guards_intact());
    }
  }
}

TEST_CASE("max pool: equals the reference for every shape, layout and instruction set",
          "[kernels][pool2d]") {
  std::vector<Pool2dProblem> all = problems();
  for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
    all.push_back({.c = 5,
                   .h = 9,
                   .w = 8,
                   .kh = 2,
                   .kw = 3,
                   .stride_h = 1,
                   .pad_h = 1,
                   .pad_w = 1,
                   .dilation_h = 3,
                   .dilation_w = 2,
                   .layout = layout});
    all.push_back({.n = 2, .c = 64, .h = 64, .w = 64, .layout = layout});  // several ranges
  }
  for (const Pool2dProblem& problem : all) {
    INFO(describe(problem));
    const Floats input = reals(problem.n * problem.c * problem.h * problem.w, 1);
    Floats expected(static_cast<std::size_t>(problem.n * problem.c * problem.oh() * problem.ow()));
    kernels::reference::max_pool2d(problem, input.data(), expected.data());
    check_everywhere(expected, [&](float* output, kernels::Exec exec) {
      max_pool2d_forward(problem, input.data(), output, exec);
    });
  }
}

TEST_CASE("max pool: a NaN anywhere in the window comes out", "[kernels][pool2d]") {
  for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
    const Pool2dProblem problem{.c = 9, .h = 8, .w = 36, .layout = layout};
    Floats input = reals(problem.c * problem.h * problem.w, 2);
    for (std::size_t i = 0; i < input.size(); i += 7) {
      input[i] = std::numeric_limits<float>::quiet_NaN();
    }
    Floats expected(input.size() / 4);
    kernels::reference::max_pool2d(problem, input.data(), expected.data());
    check_everywhere(expected, [&](float* output, kernels::Exec exec) {
      max_pool2d_forward(problem, input.data(), output, exec);
    });
  }
}

TEST_CASE("average pool: equals the reference on small integers", "[kernels][pool2d]") {
  for (const Pool2dProblem& problem : problems()) {
    INFO(describe(problem));
    // Sums of integers are exact, so both divide the same number once.
    const Floats input = small_integers(problem.n * problem.c * problem.h * problem.w, 3);
    Floats expected(static_cast<std::size_t>(problem.n * problem.c * problem.oh() * problem.ow()));
    kernels::reference::avg_pool2d(problem, input.data(), expected.data());
    check_everywhere(expected, [&](float* output, kernels::Exec exec) {
      avg_pool2d_forward(problem, input.data(), output, exec);
    });
  }
}

TEST_CASE("adaptive average pool: equals the reference on small integers", "[kernels][pool2d]") {
  for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
    const std::vector<AdaptivePool2dProblem> all{
        {.n = 2, .c = 17, .h = 7, .w = 7, .oh = 7, .ow = 7, .layout = layout},
        {.n = 2, .c = 17, .h = 10, .w = 9, .oh = 3, .ow = 4, .layout = layout},
        {.n = 1, .c = 5, .h = 3, .w = 5, .oh = 7, .ow = 2, .layout = layout},
        {.n = 3, .c = 64, .h = 14, .w = 14, .oh = 7, .ow = 7, .layout = layout},
        {.n = 1, .c = 64, .h = 32, .w = 32, .oh = 1, .ow = 1, .layout = layout}};
    for (const AdaptivePool2dProblem& problem : all) {
      const Floats input = small_integers(problem.n * problem.c * problem.h * problem.w, 4);
      Floats expected(static_cast<std::size_t>(problem.n * problem.c * problem.oh * problem.ow));
      kernels::reference::adaptive_avg_pool2d(problem, input.data(), expected.data());
      check_everywhere(expected, [&](float* output, kernels::Exec exec) {
        adaptive_avg_pool2d_forward(problem, input.data(), output, exec);
      });
    }
  }
}

}  // namespace
}  // namespace lamina::test
