// Convolutions and linear layers: whole numbers small enough that every sum is exact, against the
// reference; reals within the bound of their precision; and the same bits however the work is cut.
#include "kernels/cuda/conv2d/conv2d.h"
#include "tests/kernels/cuda/cases.h"
#include "tests/kernels/cuda/conv2d_trial.h"
#include "tests/kernels/cuda/device_array.h"

#include <cmath>
#include <limits>

namespace lamina::kernels::cuda {
namespace {

constexpr Precision kPrecisions[] = {Precision::fp32, Precision::tf32, Precision::fp16,
                                     Precision::bf16};

// Shapes that are awkward in one way each.
std::vector<kernels::Conv2dProblem> shapes() {
  return {
      {.n = 1, .c_in = 16, .h = 5, .w = 6, .c_out = 16, .kh = 3, .kw = 3, .pad_h = 1, .pad_w = 1},
      {.n = 2,
       .c_in = 8,
       .h = 4,
       .w = 5,
       .c_out = 64,
       .kh = 3,
       .kw = 3,
       .pad_h = 1,
       .pad_w = 1,
       .relu = true},
      {.n = 1, .c_in = 64, .h = 9, .w = 8, .c_out = 65, .kh = 1, .kw = 1},
      {.n = 3, .c_in = 24, .h = 5, .w = 5, .c_out = 130, .kh = 3, .kw = 3, .pad_h = 1, .pad_w = 1},
      {.n = 1, .c_in = 8, .h = 9, .w = 11, .c_out = 7, .kh = 5, .kw = 5, .pad_h = 2, .pad_w = 2},
      {.n = 1,
       .c_in = 3,
       .h = 13,
       .w = 12,
       .c_out = 9,
       .kh = 7,
       .kw = 7,
       .stride_h = 2,
       .stride_w = 2,
       .pad_h = 3,
       .pad_w = 3},
      {.n = 2, .c_in = 16, .h = 7, .w = 7, .c_out = 8, .kh = 1, .kw = 4},
      {.n = 1,
       .c_in = 8,
       .h = 9,
       .w = 9,
       .c_out = 8,
       .kh = 3,
       .kw = 3,
       .pad_h = 2,
       .pad_w = 2,
       .dilation_h = 2,
       .dilation_w = 2},
      {.n = 1,
       .c_in = 16,
       .h = 6,
       .w = 6,
       .c_out = 10,
       .kh = 3,
       .kw = 3,
       .pad_h = 1,
       .pad_w = 1,
       .groups = 2,
       .relu = true},
      {.n = 2,
       .c_in = 6,
       .h = 5,
       .w = 5,
       .c_out = 6,
       .kh = 3,
       .kw = 3,
       .pad_h = 1,
       .pad_w = 1,
       .groups = 6},
      {.n = 1,
       .c_in = 5,
       .h = 8,
       .w = 3,
       .c_out = 1,
       .kh = 3,
       .kw = 3,
       .stride_h = 3,
       .stride_w = 1,
       .pad_h = 1,
       .pad_w = 1},
      {.n = 1, .c_in = 1, .h = 1, .w = 1, .c_out = 3, .kh = 3, .kw = 3, .pad_h = 3, .pad_w = 3},
      {.n = 1, .c_in = 40, .h = 2, .w = 2, .c_out = 33, .kh = 2, .kw = 2},
      // A linear layer's rows.
      {.n = 1, .c_in = 96, .h = 1, .w = 1, .c_out = 130, .kh = 1, .kw = 1, .relu = true},
      {.n = 9, .c_in = 72, .h = 1, .w = 1, .c_out = 20, .kh = 1, .kw = 1},
      {.n = 17, .c_in = 33, .h = 1, .w = 1, .c_out = 31, .kh = 1, .kw = 1},
      {.n = 2, .c_in = 2500, .h = 1, .w = 1, .c_out = 10, .kh = 1, .kw = 1},
  };
}

void add_shapes(std::vector<KernelCase>& cases, Precision precision) {
  for (const auto& shape : shapes()) {
    const Conv2dProblem p = conv_problem(precision, shape);
    add_conv(cases, p, plan_conv2d(p, kHopper));
  }
  Conv2dProblem p = conv_problem(precision, shapes()[0]);
  p.output = Element::f32;
  add_conv(cases, p, plan_conv2d(p, kHopper), true, false);
  add_conv(cases, p, plan_conv2d(p, kHopper), false);
  p = conv_problem(precision, shapes()[3]);
  add_conv(cases, p, plan_conv2d(p, kHopper), false);
}

void add_pooled(std::vector<KernelCase>& cases, Precision precision) {
  for (const auto& [h, w] : {std::pair{4, 6}, std::pair{5, 7}, std::pair{2, 3}}) {
    Conv2dProblem p = conv_problem(precision, {.n = 2,
                                               .c_in = 16,
                                               .h = h,
                                               .w = w,
                                               .c_out = 18,
                                               .kh = 3,
                                               .kw = 3,
                                               .pad_h = 1,
                                               .pad_w = 1,
                                               .relu = h != 5});
    p.conv.max_pool_2x2 = true;
    add_conv(cases, p, plan_conv2d(p, kHopper));
    p.conv.c_in = 3;  // by elements
    add_conv(cases, p, plan_conv2d(p, kHopper));
  }
}

void add_first_layers(std::vector<KernelCase>& cases, Precision precision) {
  Conv2dProblem p = conv_problem(precision, {.n = 2,
                                             .c_in = 3,
                                             .h = 6,
                                             .w = 7,
                                             .c_out = 16,
                                             .kh = 3,
                                             .kw = 3,
                                             .pad_h = 1,
                                             .pad_w = 1,
                                             .relu = true});
  p.c_in_stored = 16 / bytes_of(element_of(precision));
  add_conv(cases, p, plan_conv2d(p, kHopper));
  p.conv.max_pool_2x2 = true;
  add_conv(cases, p, plan_conv2d(p, kHopper));
}

struct Tile {
  int m, n, stages;
};
constexpr Tile kFlat{16, 128, 6}, kSmall{64, 64, 4}, kNarrow{128, 64, 4}, kLarge{128, 128, 4};
constexpr Tile kTiles[] = {kFlat, kSmall, kNarrow, kLarge};

Conv2dPlan forced(const Conv2dProblem& p, const Tile& tile, int chunks, bool split) {
  Conv2dPlan plan = plan_conv2d(p, kHopper);
  plan.tile_m = tile.m;
  plan.tile_n = tile.n;
  plan.stages = tile.stages;
  return with_chunks(plan, p, chunks, split);
}

// Each tile with one chunk, several by one block, and several split; sizes of more than one tile.
void add_tiles(std::vector<KernelCase>& cases, Precision precision) {
  for (const Tile& tile : kTiles) {
    const bool flat = tile.m == kFlat.m;
    const std::int64_t w = flat ? 17 : tile.m == 64 ? 13 : 19, h = flat ? 1 : 10;
    Conv2dProblem p = conv_problem(precision, {.n = 1,
                                               .c_in = 32,
                                               .h = h,
                                               .w = w,
                                               .c_out = 132,
                                               .kh = 3,
                                               .kw = 3,
                                               .pad_h = 1,
                                               .pad_w = 1,
                                               .relu = true});
    for (const bool pool : {false, true}) {
      if (pool && flat) continue;
      p.conv.max_pool_2x2 = pool;
      add_conv(cases, p, forced(p, tile, 1, false));
      add_conv(cases, p, forced(p, tile, 3, false));
      add_conv(cases, p, forced(p, tile, 3, true));
    }
  }
  Conv2dProblem grouped = conv_problem(precision, {.n = 1,
                                                   .c_in = 32,
                                                   .h = 3,
                                                   .w = 3,
                                                   .c_out = 6,
                                                   .kh = 3,
                                                   .kw = 3,
                                                   .pad_h = 1,
                                                   .pad_w = 1,
                                                   .groups = 2});
  add_conv(cases, grouped, forced(grouped, kSmall, 3, true));
  add_conv(cases, grouped, forced(grouped, kNarrow, 3, true));
  add_conv(cases, grouped, forced(grouped, kLarge, 3, false));
}

// The same bits for every tile, split or not, alone or in a batch.
std::string check_bits(Precision precision) {
  Conv2dProblem p = conv_problem(precision, {.n = 3,
                                             .c_in = 64,
                                             .h = 4,
                                             .w = 4,
                                             .c_out = 36,
                                             .kh = 3,
                                             .kw = 3,
                                             .pad_h = 1,
                                             .pad_w = 1,
                                             .relu = true});
  const ConvValues values = make_values(p, false);
  std::string complaint;
  const std::vector<float> batch =
      run_on_device(p, forced(p, kLarge, 4, false), values, true, complaint);
  for (const Tile& tile : kTiles) {
    for (const bool split : {false, true}) {
      const Conv2dPlan plan = forced(p, tile, 4, split);
      const auto other = run_on_device(p, plan, values, true, complaint);
      const std::string difference_here = difference(other, batch);
      if (!difference_here.empty()) return to_string(p, plan) + ": " + difference_here;
    }
  }
  const std::size_t inputs = values.input.size() / 3, outputs = batch.size() / 3;
  p.conv.n = 1;
  for (std::size_t i = 0; i < 3; ++i) {
    ConvValues one = values;
    one.input.assign(values.input.begin() + static_cast<std::ptrdiff_t>(i * inputs),
                     values.input.begin() + static_cast<std::ptrdiff_t>((i + 1) * inputs));
    const auto alone = run_on_device(p, forced(p, kSmall, 4, true), one, true, complaint);
    const std::vector<float> row(batch.begin() + static_cast<std::ptrdiff_t>(i * outputs),
                                 batch.begin() + static_cast<std::ptrdiff_t>((i + 1) * outputs));
    const std::string difference_here = difference(alone, row);
    if (!difference_here.empty()) return "alone: " + difference_here;
  }
  return {};
}

// A NaN of the input stays one through ReLU and pooling.
std::string check_nan(Precision precision, bool split) {
  Conv2dProblem p = conv_problem(
      precision, {.n = 1, .c_in = 16, .h = 4, .w = 4, .c_out = 16, .kh = 1, .kw = 1, .relu = true});
  p.conv.max_pool_2x2 = true;
  ConvValues values = make_values(p, true);
  values.input[5 * 16] = std::numeric_limits<float>::quiet_NaN();
  std::string complaint;
  const auto actual = run_on_device(p, forced(p, kSmall, 1, split), values, true, complaint);
  for (std::size_t i = 0; i < actual.size(); ++i) {
    // Pixel 5 is row 1, column 1: the first window.
    if (std::isnan(actual[i]) != (i < 16)) return "element " + std::to_string(i);
  }
  return {};
}

// A NaN reaches the outputs whose windows hold it, and no others: not those whose depth ends above
// it in the middle of a tile.
std::string check_nan_stays(Precision precision, std::int64_t c_in) {
  const Conv2dProblem p = conv_problem(
      precision,
      {.n = 1, .c_in = c_in, .h = 7, .w = 6, .c_out = 4, .kh = 3, .kw = 3, .pad_h = 1, .pad_w = 1});
  ConvValues values = make_values(p, true);
  values.input[static_cast<std::size_t>((4 * 6 + 2) * c_in)] =
      std::numeric_limits<float>::quiet_NaN();
  std::string complaint;
  const auto actual = run_on_device(p, plan_conv2d(p, kHopper), values, true, complaint);
  return difference(actual, rounded_to(element_of(precision), expected_of(p, values, true)));
}

}  // namespace

std::vector<KernelCase> conv2d_cases() {
  std::vector<KernelCase> cases;
  for (const Precision precision : kPrecisions) {
    add_shapes(cases, precision);
    add_pooled(cases, precision);
    add_first_layers(cases, precision);
    add_tiles(cases, precision);
    const std::string name = to_string(conv_problem(precision, {}), {});
    cases.push_back({"conv2d bits, " + name, [=] { return check_bits(precision); }});
    for (const bool split : {false, true}) {
      cases.push_back({"conv2d NaN, " + name, [=] { return check_nan(precision, split); }});
    }
    for (const std::int64_t c_in : {8, 3}) {
      cases.push_back(
          {"conv2d NaN stays, " + name, [=] { return check_nan_stays(precision, c_in); }});
    }
  }
  return cases;
}

}  // namespace lamina::kernels::cuda
