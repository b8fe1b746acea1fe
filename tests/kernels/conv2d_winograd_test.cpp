// Winograd's sums are its own, so its results are judged by its own rounding bound, which is
// computed here from the textbook's matrices; whole numbers are exact where G's fractions cancel.
#include "kernels/conv2d.h"
#include "tests/kernels/conv2d_cases.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

namespace lamina::test {
namespace {

using kernels::Conv2dAlgo;
using kernels::Conv2dPlan;
using kernels::Conv2dProblem;

using Matrix = std::vector<std::vector<double>>;

// y = at [(g x gt) . (bt d b)] a, of Lavin and Gray (2015).
struct Matrices {
  Conv2dAlgo algo;
  Matrix bt, g, at;
};

Matrices f4() {
  return {Conv2dAlgo::winograd_f4,
          {{4, 0, -5, 0, 1, 0},
           {0, -4, -4, 1, 1, 0},
           {0, 4, -4, -1, 1, 0},
           {0, -2, -1, 2, 1, 0},
           {0, 2, -1, -2, 1, 0},
           {0, 4, 0, -5, 0, 1}},
          {{1. / 4, 0, 0},
           {-1. / 6, -1. / 6, -1. / 6},
           {-1. / 6, 1. / 6, -1. / 6},
           {1. / 24, 1. / 12, 1. / 6},
           {1. / 24, -1. / 12, 1. / 6},
           {0, 0, 1}},
          {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}}};
}

Matrices f6() {
  return {Conv2dAlgo::winograd_f6,
          {{1, 0, -5.25, 0, 5.25, 0, -1, 0},
           {0, 1, 1, -4.25, -4.25, 1, 1, 0},
           {0, -1, 1, 4.25, -4.25, -1, 1, 0},
           {0, .5, .25, -2.5, -1.25, 2, 1, 0},
           {0, -.5, .25, 2.5, -1.25, -2, 1, 0},
           {0, 2, 4, -2.5, -5, .5, 1, 0},
           {0, -2, 4, 2.5, -5, -.5, 1, 0},
           {0, -1, 0, 5.25, 0, -5.25, 0, 1}},
          {{1, 0, 0},
           {-2. / 9, -2. / 9, -2. / 9},
           {-2. / 9, 2. / 9, -2. / 9},
           {1. / 90, 1. / 45, 2. / 45},
           {1. / 90, -1. / 45, 2. / 45},
           {1. / 45, 1. / 90, 1. / 180},
           {1. / 45, -1. / 90, 1. / 180},
           {0, 0, 1}},
          {{1, 1, 1, 1, 1, 32, 32, 0},
           {0, 1, -1, 2, -2, 16, -16, 0},
           {0, 1, 1, 4, 4, 8, 8, 0},
           {0, 1, -1, 8, -8, 4, -4, 0},
           {0, 1, 1, 16, 16, 2, 2, 0},
           {0, 1, -1, 32, -32, 1, -1, 1}}};
}

Matrix magnitudes(Matrix matrix) {
  for (auto& row : matrix) {
    for (double& value : row) value = std::fabs(value);
  }
  return matrix;
}

// left * x * left^T
Matrix both_sides(const Matrix& left, const Matrix& x) {
  const std::size_t rows = left.size(), inner = x.size();
  Matrix result(rows, std::vector<double>(rows, 0.0));
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < rows; ++j) {
      for (std::size_t k = 0; k < inner; ++k) {
        for (std::size_t l = 0; l < inner; ++l) result[i][j] += left[i][k] * x[k][l] * left[j][l];
      }
    }
  }
  return result;
}

// The formula in double, NHWC, without ReLU.
std::vector<double> winograd_in_double(const Conv2dProblem& p, const Conv2dData& data,
                                       const Matrices& of) {
  const auto m = static_cast<std::int64_t>(of.at.size()), a = m + 2;
  const std::int64_t oh = p.oh(), ow = p.ow();
  std::vector<double> output(static_cast<std::size_t>(p.n * oh * ow * p.c_out));
  const auto input_tile = [&](std::int64_t b, std::int64_t y0, std::int64_t x0, std::int64_t c) {
    Matrix d(static_cast<std::size_t>(a), std::vector<double>(static_cast<std::size_t>(a), 0.0));
    for (std::int64_t i = 0; i < a; ++i) {
      for (std::int64_t j = 0; j < a; ++j) {
        const std::int64_t y = y0 - p.pad_h + i, x = x0 - p.pad_w + j;
        if (y < 0 || y >= p.h || x < 0 || x >= p.w) continue;
        const auto index = static_cast<std::size_t>(((b * p.h + y) * p.w + x) * p.c_in + c);
        d[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] =
            static_cast<double>(data.input[index]);
      }
    }
    return both_sides(of.bt, d);
  };
  std::vector<Matrix> u;  // [c_out][c_in]
  for (std::int64_t i = 0; i < p.c_out * p.c_in; ++i) {
    const float* g = data.weight.data() + i * 9;
    u.push_back(both_sides(of.g, {{g[0], g[1], g[2]}, {g[3], g[4], g[5]}, {g[6], g[7], g[8]}}));
  }
  for (std::int64_t b = 0; b < p.n; ++b) {
    for (std::int64_t y0 = 0; y0 < oh; y0 += m) {
      for (std::int64_t x0 = 0; x0 < ow; x0 += m) {
        std::vector<Matrix> v;
        for (std::int64_t c = 0; c < p.c_in; ++c) v.push_back(input_tile(b, y0, x0, c));
        for (std::int64_t k = 0; k < p.c_out; ++k) {
          Matrix sum(static_cast<std::size_t>(a), std::vector<double>(static_cast<std::size_t>(a)));
          for (std::size_t c = 0; c < v.size(); ++c) {
            const Matrix& weight = u[static_cast<std::size_t>(k) * v.size() + c];
            for (std::size_t i = 0; i < sum.size(); ++i) {
              for (std::size_t j = 0; j < sum.size(); ++j) sum[i][j] += v[c][i][j] * weight[i][j];
            }
          }
          const Matrix tile = both_sides(of.at, sum);
          for (std::int64_t i = 0; i < m && y0 + i < oh; ++i) {
            for (std::int64_t j = 0; j < m && x0 + j < ow; ++j) {
              const std::int64_t pixel = (b * oh + y0 + i) * ow + x0 + j;
              output[static_cast<std::size_t>(pixel * p.c_out + k)] =
                  tile[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] +
                  static_cast<double>(data.bias[static_cast<std::size_t>(k)]);
            }
          }
        }
      }
    }
  }
  return output;
}

std::vector<Conv2dProblem> nhwc_problems() {
  std::vector<Conv2dProblem> problems;
  for (const Conv2dProblem& problem : winograd_problems()) {
    if (problem.layout == kernels::Layout::nhwc) problems.push_back(problem);
  }
  return problems;
}

// Sums of U*V, each rounded once a channel; 4 roundings a one-dimensional transform, of which there
// are two on either side; one of U and one of the bias.
void check_bound(const Conv2dProblem& problem, const Matrices& of) {
  const Conv2dData data = real_data(problem);
  const Conv2dData sizes{absolute(data.input), absolute(data.weight), absolute(data.bias)};
  const Floats expected = reference_conv2d(problem, data);
  const std::vector<double> magnitude = winograd_in_double(
      problem, sizes, {of.algo, magnitudes(of.bt), magnitudes(of.g), magnitudes(of.at)});
  const double roundings = static_cast<double>(problem.c_in) + 2 * 4 + 2 * 4 + 2;
  for (const CpuFeatures& features : every_isa()) {
    const Conv2dPlan plan = plan_conv2d_as(of.algo, problem, features, 2);
    INFO(describe(problem) << ", " << to_string(plan));
    const Conv2dRun run = run_conv2d(problem, plan, data, 2);
    CHECK(excess(expected, run.output,
                 [&](std::size_t i) { return roundings * 0x1p-24 * magnitude[i]; }) == "");
    CHECK(run.guards_intact);
  }
}

TEST_CASE("conv2d winograd: the textbook's matrices give the convolution", "[kernels][conv2d]") {
  for (Conv2dProblem problem : nhwc_problems()) {
    problem.relu = false;
    const Conv2dData data = real_data(problem);
    const Floats expected = reference_conv2d(problem, data);
    for (const Matrices& of : {f4(), f6()}) {
      const std::vector<double> result = winograd_in_double(problem, data, of);
      const Floats rounded(result.begin(), result.end());
      INFO(describe(problem));
      CHECK(excess(expected, rounded, [](std::size_t) { return 1e-5; }) == "");
    }
  }
}

TEST_CASE("conv2d winograd: stays within the rounding bound on real inputs", "[kernels][conv2d]") {
  for (const Conv2dProblem& problem : nhwc_problems()) {
    check_bound(problem, f4());
    check_bound(problem, f6());
  }
}

// With weights in multiples of 24^2 all of U is whole, and with small inputs every sum is exact.
TEST_CASE("conv2d winograd_f4: equals the reference on whole numbers", "[kernels][conv2d]") {
  std::vector<Conv2dProblem> problems = winograd_problems();
  const std::vector<Conv2dProblem> vgg16 = vgg16_problems();
  problems.insert(problems.end(), vgg16.begin(), vgg16.begin() + 4);
  for (const Conv2dProblem& problem : problems) {
    Conv2dData data = small_integer_data(problem);
    for (float& x : data.input) x = std::fmod(x, 2.0f);
    for (float& x : data.weight) x = std::fmod(x, 2.0f) * 576;
    const Floats expected = reference_conv2d(problem, data);
    for (const CpuFeatures& features : every_isa()) {
      for (const int threads : {1, 2}) {
        const Conv2dPlan plan = plan_conv2d_as(Conv2dAlgo::winograd_f4, problem, features, threads);
        INFO(describe(problem) << ", " << to_string(plan) << ", " << threads << " threads");
        const Conv2dRun run = run_conv2d(problem, plan, data, threads);
        CHECK(difference(expected, run.output) == "");
        CHECK(run.guards_intact);
      }
    }
  }
}

TEST_CASE("conv2d winograd: a batch of no images is no work", "[kernels][conv2d]") {
  Conv2dProblem problem = winograd_problems()[0];
  problem.n = 0;
  for (const Conv2dPlan& plan : every_plan(problem, 2)) {
    CHECK(run_conv2d(problem, plan, real_data(problem), 2).guards_intact);
  }
}

TEST_CASE("conv2d winograd: runs without a bias", "[kernels][conv2d]") {
  const Conv2dProblem problem = winograd_problems()[3];
  Conv2dData data = real_data(problem), with_zeros = data;
  data.bias.clear();
  with_zeros.bias.assign(with_zeros.bias.size(), 0.0f);
  for (const Conv2dPlan& plan : every_plan(problem, 2)) {
    INFO(to_string(plan));
    CHECK(bit_difference(run_conv2d(problem, plan, with_zeros, 2).output,
                         run_conv2d(problem, plan, data, 2).output) == "");
  }
}

// It may also reach outputs of its tile that do not depend on it; conv2d.h says so.
TEST_CASE("conv2d winograd: every output that depends on a NaN is one, ReLU and pooling or not",
          "[kernels][conv2d]") {
  for (const bool pooled : {false, true}) {
    Conv2dProblem problem = winograd_problems()[6];
    problem.max_pool_2x2 = pooled;
    Conv2dData data = real_data(problem);
    // The pixel (5, 5) of the first channel.
    const std::int64_t index = (5 * problem.w + 5) * problem.c_in;
    data.input[static_cast<std::size_t>(index)] = std::numeric_limits<float>::quiet_NaN();
    for (const Conv2dPlan& plan : every_plan(problem, 1)) {
      const Floats output = run_conv2d(problem, plan, data, 1).output;
      const std::int64_t divisor = pooled ? 2 : 1;
      for (std::int64_t y = 4 / divisor; y <= 6 / divisor; ++y) {
        for (std::int64_t x = 4 / divisor; x <= 6 / divisor; ++x) {
          const auto at = static_cast<std::size_t>((y * problem.stored_w() + x) * problem.c_out);
          INFO(describe(problem) << ", " << to_string(plan) << " at " << y << ", " << x);
          REQUIRE(at < output.size());
          CHECK(std::isnan(output[at]));
        }
      }
    }
  }
}

}  // namespace
}  // namespace lamina::test
