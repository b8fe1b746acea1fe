// Element by element: exact where the contract is, and within a rounding or two for batch norm.
#include "kernels/cuda/e4m3.h"
#include "kernels/cuda/pointwise.h"
#include "kernels/reference/reference.h"
#include "tests/kernels/cuda/cases.h"
#include "tests/kernels/cuda/device_array.h"

#include <cmath>
#include <functional>
#include <limits>

namespace lamina::kernels::cuda {
namespace {

constexpr Element kElements[] = {Element::f32, Element::tf32, Element::f16, Element::bf16};

// A vector's worth, less, more, and several blocks.
constexpr std::int64_t kCounts[] = {1, 7, 8, 9, 2050};

std::string check_relu(Element element, std::int64_t count, bool in_place) {
  std::vector<float> values = whole_numbers(count, 100, 1);
  values[0] = std::numeric_limits<float>::quiet_NaN();
  const DeviceArray input(element, values);
  const DeviceArray output = DeviceArray::untouched(element, count);
  Stream stream;
  relu_forward(stream, element, input.data(), in_place ? input.data() : output.data(), count);
  std::vector<float> expected(values.size());
  reference::relu(values.data(), expected.data(), count);
  return difference(in_place ? input : output, expected);
}

std::string check_dropout(Element element, std::int64_t count, float p) {
  const std::vector<float> values = whole_numbers(count, 100, 2);
  const DeviceArray input(element, values);
  const DeviceArray output = DeviceArray::untouched(element, count);
  Stream stream;
  dropout_forward(stream, element, input.data(), output.data(), count, p, 42);
  std::vector<float> expected(values.size());
  reference::dropout(values.data(), expected.data(), 0, count, p, 42);
  return difference(output, rounded_to(element, expected));
}

std::string check_batch_norm(Element element, const BatchNormProblem& problem, bool affine,
                             bool in_place) {
  const std::int64_t count = problem.n * problem.c * problem.spatial;
  const std::vector<float> values = rounded_to(element, reals(count, 3));
  const std::vector<float> mean = reals(problem.c, 4), weight = reals(problem.c, 5),
                           bias = reals(problem.c, 6);
  std::vector<float> var = reals(problem.c, 7);
  for (float& value : var) value = std::abs(value) + 0.25f;
  const DeviceArray input(element, values), means(Element::f32, mean), vars(Element::f32, var),
      weights(Element::f32, weight), biases(Element::f32, bias);
  const DeviceArray other = DeviceArray::untouched(element, count);
  const DeviceArray& output = in_place ? input : other;
  Stream stream;
  batch_norm_forward(stream, element, problem,
                     {.input = input.data(),
                      .running_mean = means.as<const float>(),
                      .running_var = vars.as<const float>(),
                      .weight = affine ? weights.as<const float>() : nullptr,
                      .bias = affine ? biases.as<const float>() : nullptr,
                      .output = output.data()});
  std::vector<float> expected(values.size());
  reference::batch_norm(problem, {.input = values.data(),
                                  .running_mean = mean.data(),
                                  .running_var = var.data(),
                                  .weight = affine ? weight.data() : nullptr,
                                  .bias = affine ? bias.data() : nullptr,
                                  .output = expected.data()});
  // Results are below 6.
  constexpr float kRounding[] = {4 * 0x1p-22f, 0x1p-9f, 0x1p-9f, 0x1p-6f};
  return difference(output, expected, kRounding[static_cast<int>(element)]);
}

std::string check_bias(Element element, bool has_bias, bool relu) {
  constexpr std::int64_t kRows = 7, kChannels = 5;
  const std::vector<float> values = whole_numbers(kRows * kChannels, 20, 9);
  const std::vector<float> bias = whole_numbers(kChannels, 9, 10);
  const DeviceArray data(element, values), biases(Element::f32, bias);
  Stream stream;
  add_bias(stream, element, kRows, kChannels, has_bias ? biases.as<const float>() : nullptr, relu,
           data.data());
  std::vector<float> expected;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float sum = values[i] + (has_bias ? bias[i % kChannels] : 0);
    expected.push_back(relu && sum < 0 ? 0 : sum);
  }
  return difference(data, expected);
}

std::int64_t stored_of(const Format& format, std::int64_t c) {
  return format.c_stored > 0 ? format.c_stored : c;
}

std::int64_t size_of(const Format& format, std::int64_t n, std::int64_t c, std::int64_t spatial) {
  return n * spatial * (format.layout == Layout::nhwc ? stored_of(format, c) : c);
}

std::size_t place_of(const Format& format, std::int64_t c, std::int64_t spatial, std::int64_t b,
                     std::int64_t channel, std::int64_t pixel) {
  const std::int64_t at = format.layout == Layout::nhwc
                              ? (b * spatial + pixel) * stored_of(format, c) + channel
                              : (b * c + channel) * spatial + pixel;
  return static_cast<std::size_t>(at);
}

std::string check_convert(std::int64_t n, std::int64_t c, std::int64_t spatial, const Format& from,
                          const Format& to) {
  // What the source has beyond its channels must not be looked at.
  std::vector<float> values(static_cast<std::size_t>(size_of(from, n, c, spatial)), 99.0f);
  std::vector<float> expected(static_cast<std::size_t>(size_of(to, n, c, spatial)), 0.0f);
  const std::vector<float> random = reals(n * c * spatial, 8);
  std::size_t next = 0;
  for (std::int64_t b = 0; b < n; ++b) {
    for (std::int64_t channel = 0; channel < c; ++channel) {
      for (std::int64_t pixel = 0; pixel < spatial; ++pixel) {
        const float value = rounded_to(from.element, random[next++]);
        values[place_of(from, c, spatial, b, channel, pixel)] = value;
        expected[place_of(to, c, spatial, b, channel, pixel)] =
            rounded_to(to.element, value * (from.scale / to.scale));
      }
    }
  }
  const DeviceArray input(from.element, values);
  const DeviceArray output =
      DeviceArray::untouched(to.element, static_cast<std::int64_t>(expected.size()));
  Stream stream;
  convert(stream, n, c, spatial, from, to, input.data(), output.data());
  return difference(output, expected);
}

void add_elementwise(std::vector<KernelCase>& cases, Element element) {
  for (const std::int64_t count : kCounts) {
    const std::string what = name_of(element) + " " + std::to_string(count);
    cases.push_back({"relu " + what, [=] { return check_relu(element, count, count == 9); }});
    cases.push_back({"dropout " + what, [=] { return check_dropout(element, count, 0.5f); }});
  }
  for (const bool flag : {false, true}) {
    cases.push_back(
        {"add_bias " + name_of(element), [=] { return check_bias(element, true, flag); }});
    cases.push_back({"add_bias none", [=] { return check_bias(element, false, flag); }});
  }
  cases.push_back({"dropout all", [=] { return check_dropout(element, 40, 1); }});
  for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
    for (const bool affine : {false, true}) {
      const std::string what = name_of(element) + (layout == Layout::nhwc ? " NHWC" : " NCHW") +
                               (affine ? " affine" : "");
      // Channels that end inside a thread's vector, and channels longer than several.
      for (const std::int64_t spatial : {1, 7, 130}) {
        const BatchNormProblem problem{.n = 2, .c = 5, .spatial = spatial, .layout = layout};
        cases.push_back({"batch_norm " + what + " " + std::to_string(spatial),
                         [=] { return check_batch_norm(element, problem, affine, spatial == 7); }});
      }
    }
  }
}

void add_conversions(std::vector<KernelCase>& cases, Element element) {
  const Format plain{};
  const Format nhwc{element, Layout::nhwc, 0}, nchw{element, Layout::nchw, 0};
  const Format padded{element, Layout::nhwc, 16 / bytes_of(element)};
  const Format wide{element, Layout::nhwc, 40};
  const auto both_ways = [&](std::int64_t n, std::int64_t c, std::int64_t spatial, Format format) {
    const std::string what = name_of(element) + " " + std::to_string(c) + " of " +
                             std::to_string(stored_of(format, c)) + " x " + std::to_string(spatial);
    cases.push_back(
        {"convert to " + what, [=] { return check_convert(n, c, spatial, plain, format); }});
    cases.push_back(
        {"convert from " + what, [=] { return check_convert(n, c, spatial, format, plain); }});
  };
  both_ways(2, 3, 300, padded);
  both_ways(2, 3, 5, nhwc);
  both_ways(2, 33, 35, nhwc);
  both_ways(1, 64, 32, nhwc);
  both_ways(2, 35, 10, wide);
  both_ways(2, 5, 7, nchw);
  cases.push_back({"convert stays NHWC, " + name_of(element),
                   [=] { return check_convert(2, 3, 9, padded, wide); }});
}

// Each number of e4m3, the middles between two, and what lies beside those.
std::string check_e4m3() {
  std::vector<float> values;
  for (int code = 0; code < 256; ++code) {
    const float number = from_e4m3({static_cast<std::uint8_t>(code)});
    const float next = from_e4m3({static_cast<std::uint8_t>(code + 1)});
    const float middle = (number + next) / 2;
    for (const float value : {number, middle, middle * (1 + 0x1p-20f), middle * (1 - 0x1p-20f)}) {
      values.push_back(value);
    }
  }
  for (const float value : {449.0f, 463.0f, 465.0f, 1e30f, 0x1p-10f, 0x1p-30f}) {
    values.push_back(value);
    values.push_back(-value);
  }
  const auto count = static_cast<std::int64_t>(values.size());
  const DeviceArray input(Element::f32, values), back = DeviceArray::untouched(Element::f32, count);
  const DeviceArray numbers = DeviceArray::untouched(Element::e4m3, count);
  Stream stream;
  convert(stream, 1, count, 1, {}, {.element = Element::e4m3}, input.data(), numbers.data());
  convert(stream, 1, count, 1, {.element = Element::e4m3}, {}, numbers.data(), back.data());
  return difference(back, rounded_to(Element::e4m3, values));
}

void add_e4m3(std::vector<KernelCase>& cases) {
  const Format rows{.element = Element::e4m3, .scale = 0.125f};
  const Format nhwc{.element = Element::e4m3, .layout = Layout::nhwc, .scale = 0.25f};
  const Format padded{Element::e4m3, Layout::nhwc, 16, 0.125f};
  const Format bf16{.element = Element::bf16, .layout = Layout::nhwc};
  cases.push_back({"convert e4m3, each number", check_e4m3});
  for (const Format& from : {Format{}, bf16, nhwc}) {
    for (const Format& to : {Format{}, rows, nhwc, padded}) {
      cases.push_back(
          {"convert with a scale, " + name_of(from.element) + " to " + name_of(to.element),
           [=] { return check_convert(2, 5, 67, from, to); }});
    }
  }
}

}  // namespace

std::vector<KernelCase> pointwise_cases() {
  std::vector<KernelCase> cases;
  for (const Element element : kElements) {
    add_elementwise(cases, element);
    add_conversions(cases, element);
  }
  add_e4m3(cases);
  return cases;
}

}  // namespace lamina::kernels::cuda
