// Convolutions and linear layers: whole numbers small enough that every sum is exact, against the
// reference; reals within the bound of their precision; and the same bits however the work is cut.
#include "kernels/cuda/conv2d.h"
#include "kernels/reference/reference.h"
#include "tests/kernels/cuda/cases.h"
#include "tests/kernels/cuda/device_array.h"

#include <cmath>
#include <limits>

namespace lamina::kernels::cuda {
namespace {

constexpr DeviceProperties kDevice{.name = {}, .compute_major = 9, .multiprocessors = 132};
constexpr Precision kPrecisions[] = {Precision::fp32, Precision::tf32, Precision::fp16,
                                     Precision::bf16};

// Values of a problem: [n, h, w, c_in], [c_out, c_in / groups, kh, kw], [c_out].
struct Values {
  std::vector<float> input, weight, bias;
};

Values make_values(const Conv2dProblem& p, bool whole) {
  const auto& c = p.conv;
  const std::int64_t inputs = c.n * c.h * c.w * c.c_in;
  const std::int64_t weights = c.c_out * (c.c_in / c.groups) * c.kh * c.kw;
  if (whole) {
    return {whole_numbers(inputs, 3, 1), whole_numbers(weights, 2, 2),
            whole_numbers(c.c_out, 5, 3)};
  }
  return {reals(inputs, 1), reals(weights, 2), reals(c.c_out, 3)};
}

// Pixels of c_in channels become pixels of `stored`.
std::vector<float> with_padding(const Conv2dProblem& p, const std::vector<float>& input) {
  const std::int64_t stored = p.stored(), c = p.conv.c_in;
  std::vector<float> padded(static_cast<std::size_t>(p.conv.n * p.conv.h * p.conv.w * stored));
  for (std::size_t i = 0; i < input.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    padded[static_cast<std::size_t>(at / c * stored + at % c)] = input[i];
  }
  return padded;
}

std::vector<float> run_on_device(const Conv2dProblem& p, const Conv2dPlan& plan,
                                 const Values& values, bool with_bias, std::string& complaint) {
  const Element element = element_of(p.precision);
  std::vector<char> packed(static_cast<std::size_t>(plan.packed_weight_bytes));
  pack_conv2d_weight(p, plan, values.weight.data(), packed.data());
  const DeviceArray input(element, with_padding(p, values.input));
  const DeviceArray bias(Element::f32, values.bias);
  const DeviceMemory weight = upload_bytes(packed.data(), plan.packed_weight_bytes);
  const DeviceMemory workspace(plan.workspace_bytes);
  const DeviceArray output = DeviceArray::untouched(p.f32_output ? Element::f32 : element,
                                                    p.conv.n * p.oh() * p.ow() * p.conv.c_out);
  Stream stream;
  conv2d_forward(stream, p, plan,
                 {.input = input.data(),
                  .weight = weight.data(),
                  .bias = with_bias ? bias.as<const float>() : nullptr,
                  .output = output.data(),
                  .workspace = workspace.data()});
  stream.synchronize();
  complaint = output.complaint();
  return output.read();
}

std::vector<float> expected_of(const Conv2dProblem& p, const Values& values, bool with_bias) {
  kernels::Conv2dProblem conv = p.conv;
  conv.layout = Layout::nhwc;
  std::vector<float> output(static_cast<std::size_t>(conv.n * conv.oh() * conv.ow() * conv.c_out));
  reference::conv2d(conv, values.input.data(), values.weight.data(),
                    with_bias ? values.bias.data() : nullptr, output.data());
  if (!p.conv.max_pool_2x2) return output;
  std::vector<float> pooled(static_cast<std::size_t>(conv.n * p.oh() * p.ow() * conv.c_out));
  reference::max_pool2d(
      {.n = conv.n, .c = conv.c_out, .h = conv.oh(), .w = conv.ow(), .layout = Layout::nhwc},
      output.data(), pooled.data());
  return pooled;
}

// Inputs are rounded first; products of what is left are exact, sums float32, the result rounded.
float bound_of(const Conv2dProblem& p) {
  const auto& c = p.conv;
  const auto terms = static_cast<float>(c.kh * c.kw * c.c_in / c.groups);
  // Values are below 1: terms is the most that a sum of |a * b| can be.
  constexpr float kRounding[] = {0, 0x1p-10f, 0x1p-10f, 0x1p-7f};
  const float inputs = kRounding[static_cast<int>(p.precision)];
  return terms * (inputs + (terms + 2) * 0x1p-24f) + (p.f32_output ? 0 : inputs * (terms + 1));
}

std::string check(const Conv2dProblem& p, const Conv2dPlan& plan, bool whole, bool with_bias) {
  const Values values = make_values(p, whole);
  std::string complaint;
  const std::vector<float> actual = run_on_device(p, plan, values, with_bias, complaint);
  if (!complaint.empty()) return complaint;
  std::vector<float> expected = expected_of(p, values, with_bias);
  if (!whole) return difference(actual, expected, bound_of(p));
  if (!p.f32_output) expected = rounded_to(element_of(p.precision), std::move(expected));
  return difference(actual, expected);
}

std::string describe(const Conv2dProblem& p, const Conv2dPlan& plan) {
  const auto& c = p.conv;
  std::string text = "conv2d";
  for (const std::int64_t size :
       {c.n, c.h, c.w, c.c_in, c.c_out, c.kh, c.kw, c.stride_h, c.stride_w, c.pad_h, c.pad_w,
        c.dilation_h, c.dilation_w, c.groups}) {
    text += " " + std::to_string(size);
  }
  if (c.relu) text += " relu";
  if (p.conv.max_pool_2x2) text += " pool";
  if (p.f32_output) text += " f32";
  if (p.c_in_stored > 0) text += " stored " + std::to_string(p.c_in_stored);
  return text + ", " + to_string(p, plan);
}

void add(std::vector<KernelCase>& cases, const Conv2dProblem& p, const Conv2dPlan& plan,
         bool whole = true, bool with_bias = true) {
  cases.push_back({describe(p, plan) + (whole ? "" : ", reals"),
                   [=] { return check(p, plan, whole, with_bias); }});
}

Conv2dProblem problem(Precision precision, kernels::Conv2dProblem conv) {
  conv.layout = Layout::nhwc;
  return {.conv = conv, .precision = precision};
}

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
    const Conv2dProblem p = problem(precision, shape);
    add(cases, p, plan_conv2d(p, kDevice));
  }
  Conv2dProblem p = problem(precision, shapes()[0]);
  p.f32_output = true;
  add(cases, p, plan_conv2d(p, kDevice), true, false);
  add(cases, p, plan_conv2d(p, kDevice), false);
  p = problem(precision, shapes()[3]);
  add(cases, p, plan_conv2d(p, kDevice), false);
}

void add_pooled(std::vector<KernelCase>& cases, Precision precision) {
  for (const auto& [h, w] : {std::pair{4, 6}, std::pair{5, 7}, std::pair{2, 3}}) {
    Conv2dProblem p = problem(precision, {.n = 2,
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
    add(cases, p, plan_conv2d(p, kDevice));
    p.conv.c_in = 3;  // by elements
    add(cases, p, plan_conv2d(p, kDevice));
  }
}

void add_first_layers(std::vector<KernelCase>& cases, Precision precision) {
  Conv2dProblem p = problem(precision, {.n = 2,
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
  add(cases, p, plan_conv2d(p, kDevice));
  p.conv.max_pool_2x2 = true;
  add(cases, p, plan_conv2d(p, kDevice));
}

struct Tile {
  int m, n, stages;
};
constexpr Tile kFlat{16, 128, 6}, kSmall{64, 64, 4}, kNarrow{128, 64, 4}, kLarge{128, 128, 4};
constexpr Tile kTiles[] = {kFlat, kSmall, kNarrow, kLarge};

Conv2dPlan forced(const Conv2dProblem& p, const Tile& tile, int chunks, bool split) {
  Conv2dPlan plan = plan_conv2d(p, kDevice);
  plan.tile_m = tile.m;
  plan.tile_n = tile.n;
  plan.stages = tile.stages;
  plan.k_chunks = chunks;
  plan.split = split;
  const std::int64_t rows = p.conv.n * p.oh() * p.ow() * (p.conv.max_pool_2x2 ? 4 : 1);
  plan.workspace_bytes = split ? chunks * rows * p.conv.c_out * 4 : 0;
  return plan;
}

// Each tile with one chunk, several by one block, and several split; sizes of more than one tile.
void add_tiles(std::vector<KernelCase>& cases, Precision precision) {
  for (const Tile& tile : kTiles) {
    const bool flat = tile.m == kFlat.m;
    const std::int64_t w = flat ? 17 : tile.m == 64 ? 13 : 19, h = flat ? 1 : 10;
    Conv2dProblem p = problem(precision, {.n = 1,
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
      add(cases, p, forced(p, tile, 1, false));
      add(cases, p, forced(p, tile, 3, false));
      add(cases, p, forced(p, tile, 3, true));
    }
  }
  Conv2dProblem grouped = problem(precision, {.n = 1,
                                              .c_in = 32,
                                              .h = 3,
                                              .w = 3,
                                              .c_out = 6,
                                              .kh = 3,
                                              .kw = 3,
                                              .pad_h = 1,
                                              .pad_w = 1,
                                              .groups = 2});
  add(cases, grouped, forced(grouped, kSmall, 3, true));
  add(cases, grouped, forced(grouped, kNarrow, 3, true));
  add(cases, grouped, forced(grouped, kLarge, 3, false));
}

// The same bits for every tile, split or not, alone or in a batch.
std::string check_bits(Precision precision) {
  Conv2dProblem p = problem(precision, {.n = 3,
                                        .c_in = 64,
                                        .h = 4,
                                        .w = 4,
                                        .c_out = 36,
                                        .kh = 3,
                                        .kw = 3,
                                        .pad_h = 1,
                                        .pad_w = 1,
                                        .relu = true});
  const Values values = make_values(p, false);
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
    Values one = values;
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
  Conv2dProblem p = problem(
      precision, {.n = 1, .c_in = 16, .h = 4, .w = 4, .c_out = 16, .kh = 1, .kw = 1, .relu = true});
  p.conv.max_pool_2x2 = true;
  Values values = make_values(p, true);
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
  const Conv2dProblem p = problem(
      precision,
      {.n = 1, .c_in = c_in, .h = 7, .w = 6, .c_out = 4, .kh = 3, .kw = 3, .pad_h = 1, .pad_w = 1});
  Values values = make_values(p, true);
  values.input[static_cast<std::size_t>((4 * 6 + 2) * c_in)] =
      std::numeric_limits<float>::quiet_NaN();
  std::string complaint;
  const auto actual = run_on_device(p, plan_conv2d(p, kDevice), values, true, complaint);
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
    const std::string name = to_string(problem(precision, {}), {});
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
