// Convolutions on Hopper's tensor cores: every tile, every box, pooling, padding, chunks; whole
// numbers against the reference, and the same bits however the work is cut.
#include "kernels/cuda/conv2d/conv2d_wgmma.h"
#include "tests/kernels/cuda/conv2d_trial.h"
#include "tests/kernels/cuda/device_array.h"

#include <algorithm>
#include <limits>

namespace lamina::kernels::cuda {
namespace {

// What products are made of, and what results are written as.
struct Numbers {
  Precision precision;
  Element output;

  int step() const { return wgmma_depth(element_of(precision)); }  // channels
};
constexpr Numbers kNumbers[] = {{Precision::tf32, Element::tf32}, {Precision::fp16, Element::f16},
                                {Precision::bf16, Element::bf16}, {Precision::bf16, Element::e4m3},
                                {Precision::fp8, Element::e4m3},  {Precision::fp8, Element::bf16}};

Conv2dProblem problem_of(const Numbers& numbers, const kernels::Conv2dProblem& conv) {
  Conv2dProblem p = conv_problem(numbers.precision, conv);
  p.output = numbers.output;
  return p;
}

Conv2dProblem conv3x3(const Numbers& numbers, std::int64_t n, std::int64_t c_in, std::int64_t h,
                      std::int64_t w, std::int64_t c_out) {
  return problem_of(numbers, {.n = n,
                              .c_in = c_in,
                              .h = h,
                              .w = w,
                              .c_out = c_out,
                              .kh = 3,
                              .kw = 3,
                              .pad_h = 1,
                              .pad_w = 1,
                              .relu = true});
}

Conv2dPlan forced(const Conv2dProblem& p, int tile_n, int chunks, bool split) {
  Conv2dPlan plan = plan_wgmma(p, kHopper);
  // A tile of e4m3 has 128 channels at least, unless it stores sums.
  plan.tile_n = p.output == Element::e4m3 && !split ? std::max(tile_n, 128) : tile_n;
  plan.blocks = 3;  // which go on to further tiles
  return with_chunks(plan, p, chunks, split);
}

// Two clusters, which go on to further tiles.
Conv2dPlan in_clusters(Conv2dPlan plan) {
  plan.cluster = 2;
  plan.blocks = 4;
  return plan;
}

Conv2dPlan with_box(Conv2dPlan plan, const PixelBox& box) {
  plan.box = box;
  return plan;
}

// Channels of more than one tile, the last one short; depth of two steps a tap.
void add_tiles(std::vector<KernelCase>& cases, const Numbers& numbers) {
  for (const int tile_n : {64, 128, 256}) {
    Conv2dProblem p = conv3x3(numbers, 1, 2 * numbers.step(), 5, 18, tile_n + 48);
    add_conv(cases, p, forced(p, tile_n, 1, false));
    add_conv(cases, p, forced(p, tile_n, 4, true));
    if (tile_n < 256) add_conv(cases, p, forced(p, tile_n, 4, false), true, false);
    p.conv.max_pool_2x2 = true;
    add_conv(cases, p, forced(p, tile_n, 1, false));
    add_conv(cases, p, forced(p, tile_n, 4, true));
    if (tile_n < 256) add_conv(cases, p, forced(p, tile_n, 4, false));
  }
}

// Boxes that reach over each edge, and are cut in half along each dimension.
void add_boxes(std::vector<KernelCase>& cases, const Numbers& numbers) {
  Conv2dProblem p = conv3x3(numbers, 3, numbers.step(), 5, 7, 64);
  for (const PixelBox& box : {PixelBox{128, 1, 1}, PixelBox{16, 8, 1}, PixelBox{1, 128, 1},
                              PixelBox{4, 4, 8}, PixelBox{2, 2, 32}, PixelBox{64, 1, 2}}) {
    add_conv(cases, p, with_box(forced(p, 64, 1, false), box));
    add_conv(cases, p, with_box(forced(p, 64, 3, true), box));
  }
  p.conv.max_pool_2x2 = true;
  for (const PixelBox& box : {PixelBox{8, 16, 1}, PixelBox{8, 2, 8}, PixelBox{4, 32, 1},
                              PixelBox{4, 4, 8}, PixelBox{2, 64, 1}, PixelBox{2, 2, 32}}) {
    add_conv(cases, p, with_box(forced(p, 64, 1, false), box));
    add_conv(cases, p, with_box(forced(p, 64, 3, true), box));
  }
}

// Pairs of boxes, the last one left over where they are odd; each cluster has tiles of its own
// channels. An odd number of rounds and steps leaves the ring at another stage for each.
void add_clusters(std::vector<KernelCase>& cases, const Numbers& numbers) {
  const PixelBox box{16, 8, 1}, pooled_box{8, 16, 1};
  for (const int tile_n : {64, 128, 256}) {
    Conv2dProblem p = conv3x3(numbers, 1, numbers.step(), 20, 7, tile_n + 48);
    add_conv(cases, p, in_clusters(with_box(forced(p, tile_n, 1, false), box)));
    if (tile_n < 256) add_conv(cases, p, in_clusters(with_box(forced(p, tile_n, 3, false), box)));
    p.conv.max_pool_2x2 = true;
    p.conv.h = 34;
    add_conv(cases, p, in_clusters(with_box(forced(p, tile_n, 1, false), pooled_box)));
  }
  // A pair of one box; more clusters than pairs; reals.
  Conv2dProblem p = conv3x3(numbers, 2, numbers.step(), 4, 5, 16);
  add_conv(cases, p, in_clusters(with_box(forced(p, 64, 1, false), {8, 4, 4})));
  add_conv(cases, p, in_clusters(with_box(forced(p, 64, 2, false), {8, 16, 1})), false);
  // As the plan itself would have it on a device of few multiprocessors, one of them left over.
  DeviceProperties small = kHopper;
  small.multiprocessors = 5;
  p = conv3x3(numbers, 3, numbers.step(), 30, 30, 144);
  add_conv(cases, p, plan_wgmma(p, small));
}

// Kernels of other sizes; no channels beside the tile's; reals; as the plan itself would have it.
void add_others(std::vector<KernelCase>& cases, const Numbers& numbers) {
  Conv2dProblem p = problem_of(numbers, {.n = 2,
                                         .c_in = numbers.step(),
                                         .h = 9,
                                         .w = 6,
                                         .c_out = 16,
                                         .kh = 5,
                                         .kw = 2,
                                         .pad_h = 3,
                                         .pad_w = 0,
                                         .dilation_h = 2,
                                         .dilation_w = 3});
  add_conv(cases, p, forced(p, 64, 1, false));
  p = conv3x3(numbers, 1, numbers.step(), 14, 14, 64);
  add_conv(cases, p, plan_wgmma(p, kHopper));
  add_conv(cases, p, plan_wgmma(p, kHopper), false);
}

// Linear layers: weights as rows, images as columns; depths that are no whole steps.
void add_linear(std::vector<KernelCase>& cases, const Numbers& numbers) {
  for (const std::int64_t n : {1, 7, 16, 20, 50, 100, 130, 257}) {
    Conv2dProblem p = problem_of(
        numbers,
        {.n = n, .c_in = 208, .h = 1, .w = 1, .c_out = 131, .kh = 1, .kw = 1, .relu = n == 7});
    add_conv(cases, p, plan_wgmma(p, kHopper), true, n != 16);
    p.output = Element::f32;
    if (n <= 7) add_conv(cases, p, plan_wgmma(p, kHopper), n == 1);
  }
}

// The same bits for any number of images.
std::string check_linear_bits(const Numbers& numbers) {
  constexpr std::int64_t kMany = 40, kIn = 1024, kOut = 24;
  Conv2dProblem p = problem_of(
      numbers, {.n = kMany, .c_in = kIn, .h = 1, .w = 1, .c_out = kOut, .kh = 1, .kw = 1});
  const ConvValues values = make_values(p, false);
  std::string complaint;
  const auto many = run_on_device(p, plan_wgmma(p, kHopper), values, true, complaint);
  for (const std::int64_t n : {1, 9}) {
    p.conv.n = n;
    ConvValues few = values;
    few.input.resize(static_cast<std::size_t>(n * kIn));
    const auto got = run_on_device(p, plan_wgmma(p, kHopper), few, true, complaint);
    const std::string here = difference(got, {many.begin(), many.begin() + n * kOut});
    if (!here.empty()) return std::to_string(n) + " images: " + here;
  }
  return {};
}

// The same bits for every tile, split or not, in clusters or not, alone or in a batch.
std::string check_bits(const Numbers& numbers) {
  Conv2dProblem p = conv3x3(numbers, 3, numbers.step(), 4, 4, 80);
  const ConvValues values = make_values(p, false);
  std::string complaint;
  const auto batch = run_on_device(p, forced(p, 64, 3, false), values, true, complaint);
  for (const int tile_n : {64, 128, 256}) {
    for (const bool split : {false, true}) {
      if (tile_n == 256 && !split) continue;
      const Conv2dPlan plan = forced(p, tile_n, 3, split);
      const std::string here = difference(run_on_device(p, plan, values, true, complaint), batch);
      if (!here.empty()) return to_string(p, plan) + ": " + here;
    }
  }
  for (const int tile_n : {64, 128}) {
    const Conv2dPlan plan = in_clusters(forced(p, tile_n, 3, false));
    const std::string here = difference(run_on_device(p, plan, values, true, complaint), batch);
    if (!here.empty()) return to_string(p, plan) + ": " + here;
  }
  p.conv.n = 1;
  ConvValues one = values;
  one.input.resize(values.input.size() / 3);
  const auto alone = run_on_device(p, forced(p, 64, 3, true), one, true, complaint);
  return difference(alone, {batch.begin(), batch.begin() + 4 * 4 * 80});
}

// A NaN reaches the outputs whose windows hold it, and passes through ReLU and pooling.
std::string check_nan(const Numbers& numbers, bool pooled, bool split) {
  Conv2dProblem p = conv3x3(numbers, 1, numbers.step(), 6, 10, 16);
  p.conv.max_pool_2x2 = pooled;
  ConvValues values = make_values(p, true);
  values.input[static_cast<std::size_t>((3 * 10 + 4) * numbers.step())] =
      std::numeric_limits<float>::quiet_NaN();
  std::string complaint;
  const auto actual = run_on_device(p, forced(p, 64, 3, split), values, true, complaint);
  return difference(actual, as_stored(p, expected_of(p, values, true)));
}

}  // namespace

std::vector<KernelCase> conv2d_wgmma_cases() {
  std::vector<KernelCase> cases;
  for (const Numbers& numbers : kNumbers) {
    add_tiles(cases, numbers);
    add_boxes(cases, numbers);
    add_clusters(cases, numbers);
    add_others(cases, numbers);
    add_linear(cases, numbers);
    const std::string name =
        name_of(element_of(numbers.precision)) + " to " + name_of(numbers.output);
    cases.push_back({"conv2d wgmma bits, " + name, [=] { return check_bits(numbers); }});
    cases.push_back(
        {"conv2d wgmma linear bits, " + name, [=] { return check_linear_bits(numbers); }});
    for (const int i : {0, 1, 2, 3}) {
      cases.push_back({"conv2d wgmma NaN, " + name,
                       [=] { return check_nan(numbers, i % 2 == 1, i / 2 == 1); }});
    }
  }
  return cases;
}

}  // namespace lamina::kernels::cuda
