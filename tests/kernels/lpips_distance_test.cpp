#include "kernels/lpips_distance.h"

#include "kernels/reference/reference.h"
#include "tests/kernels/support.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lamina::test {
namespace {

using kernels::LpipsDistanceProblem;

// Around a vector, around a range of one thread, and the shapes of VGG16's stages.
const std::vector<LpipsDistanceProblem> kProblems{
    {.c = 1, .spatial = 1},   {.c = 3, .spatial = 15},    {.c = 64, .spatial = 16},
    {.c = 64, .spatial = 17}, {.c = 64, .spatial = 1024}, {.c = 64, .spatial = 1025},
    {.c = 512, .spatial = 1}, {.c = 512, .spatial = 63},  {.c = 512, .spatial = 196},
    {.c = 7, .spatial = 0},   {.c = 128, .spatial = 3001}};

std::string text(const LpipsDistanceProblem& problem, const CpuFeatures& features) {
  return fmt::format("c {} spatial {} {}", problem.c, problem.spatial, to_string(features.isa));
}

Floats reference(const LpipsDistanceProblem& problem, const Floats& a, const Floats& b,
                 const Floats& weight) {
  Floats output(static_cast<std::size_t>(problem.spatial));
  kernels::reference::lpips_distance(
      problem, {.a = a.data(), .b = b.data(), .weight = weight.data(), .output = output.data()});
  return output;
}

// Calls check(output) for each instruction set, the output guarded on both sides.
template <typename Check>
void on_every_isa(const LpipsDistanceProblem& problem, const Floats& a, const Floats& b,
                  const Floats& weight, Check&& check) {
  for (const CpuFeatures& features : every_isa()) {
    const ScopedIsa isa(features.isa);
    INFO(text(problem, features));
    GuardedOutput output(problem.spatial, 1);
    lpips_distance_forward(
        problem, {.a = a.data(), .b = b.data(), .weight = weight.data(), .output = output.data()},
        {.threads = 2});
    CHECK(output.guards_intact());
    check(output.values());
  }
}

TEST_CASE("lpips distance: exact where norms are powers of two", "[kernels][lpips]") {
  // Of 64 channels 16 are 2 or -2, so that a norm is 8; eps is below a float's digits.
  for (const std::int64_t spatial : {1, 16, 33, 4096}) {
    const LpipsDistanceProblem problem{.c = 64, .spatial = spatial};
    const auto count = static_cast<std::size_t>(problem.c * spatial);
    Floats a(count), b(count);
    for (std::int64_t c = 0; c < problem.c; ++c) {
      for (std::int64_t i = 0; i < spatial; ++i) {
        const auto at = static_cast<std::size_t>(c * spatial + i);
        if ((c + i) % 4 == 0) a[at] = (c + i) % 8 == 0 ? 2.0f : -2.0f;
        if ((c + 2 * i) % 4 == 1) b[at] = 2.0f;
      }
    }
    const Floats weight = absolute(small_integers(problem.c, 1));
    const Floats expected = reference(problem, a, b, weight);
    on_every_isa(problem, a, b, weight,
                 [&](const Floats& values) { CHECK(difference(expected, values) == ""); });
  }
}

TEST_CASE("lpips distance: stays within the bound of its contract", "[kernels][lpips]") {
  for (const LpipsDistanceProblem& problem : kProblems) {
    const Floats a = absolute(reals(problem.c * problem.spatial, 1));
    const Floats b = absolute(reals(problem.c * problem.spatial, 2));
    const Floats weight = absolute(reals(problem.c, 3));
    const Floats expected = reference(problem, a, b, weight);
    // A quotient is at most 1, and so are the differences: the squares' errors are twice theirs.
    double weights = 0;
    for (const float value : weight) weights += static_cast<double>(value);
    const double largest = *std::max_element(weight.begin(), weight.end());
    const double step = 0x1p-24 * static_cast<double>(problem.c + 8);
    on_every_isa(problem, a, b, weight, [&](const Floats& values) {
      CHECK(excess(expected, values, [&](std::size_t i) {
              // sum of w |d| (|a| + |b|) <= sqrt(sum of w d^2 * sum of w (|a| + |b|)^2)
              return step * (static_cast<double>(expected[i]) +
                             2 * std::sqrt(static_cast<double>(expected[i]) * 4 * largest)) +
                     step * step * weights;
            }) == "");
    });
  }
}

TEST_CASE("lpips distance: equal maps are zero apart, zeros and tiny values too",
          "[kernels][lpips]") {
  for (const LpipsDistanceProblem& problem : kProblems) {
    Floats a = reals(problem.c * problem.spatial, 1);
    for (std::size_t i = 0; i < a.size(); i += 5) a[i] = 0;
    for (std::size_t i = 1; i < a.size(); i += 7) a[i] = 1e-30f;
    const Floats weight = absolute(reals(problem.c, 3));
    const Floats zeros(static_cast<std::size_t>(problem.spatial), 0.0f);
    on_every_isa(problem, a, a, weight,
                 [&](const Floats& values) { CHECK(difference(zeros, values) == ""); });
  }
  const LpipsDistanceProblem problem{.c = 64, .spatial = 40};
  const Floats nothing(64 * 40, 0.0f), weight(64, 1.0f);
  on_every_isa(problem, nothing, nothing, weight,
               [](const Floats& values) { CHECK(difference(Floats(40, 0.0f), values) == ""); });
}

TEST_CASE("lpips distance: eps counts where a norm is as small", "[kernels][lpips]") {
  const LpipsDistanceProblem problem{.c = 1, .spatial = 3, .eps = 1.0f};
  const Floats a{1, 3, 0}, b{0, 1, 0}, weight{4};
  on_every_isa(problem, a, b, weight, [](const Floats& values) {
    CHECK(difference({1, 0.25f, 0}, values) == "");
  });
}

TEST_CASE("lpips distance: NaN in a pixel is NaN of that pixel alone", "[kernels][lpips]") {
  const LpipsDistanceProblem problem{.c = 2, .spatial = 35};
  Floats a = reals(70, 1);
  const Floats b = reals(70, 2), weight{1, 1};
  a[35 + 17] = std::numeric_limits<float>::quiet_NaN();
  on_every_isa(problem, a, b, weight, [](const Floats& values) {
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(std::isnan(values[i]) == (i == 17));
  });
}

TEST_CASE("lpips distance: the bits do not depend on the threads", "[kernels][lpips]") {
  for (const LpipsDistanceProblem& problem : kProblems) {
    const Floats a = reals(problem.c * problem.spatial, 1);
    const Floats b = reals(problem.c * problem.spatial, 2);
    const Floats weight = absolute(reals(problem.c, 3));
    Floats one(static_cast<std::size_t>(problem.spatial)), three = one;
    const auto run = [&](Floats& output, int threads) {
      lpips_distance_forward(
          problem, {.a = a.data(), .b = b.data(), .weight = weight.data(), .output = output.data()},
          {.threads = threads});
    };
    run(one, 1);
    run(three, 3);
    CHECK(bit_difference(one, three) == "");
  }
}

}  // namespace
}  // namespace lamina::test
