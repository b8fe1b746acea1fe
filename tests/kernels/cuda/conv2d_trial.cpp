#include "tests/kernels/cuda/conv2d_trial.h"

#include "kernels/reference/reference.h"
#include "tests/kernels/cuda/device_array.h"

namespace lamina::kernels::cuda {

ConvValues make_values(const Conv2dProblem& p, bool whole) {
  const auto& c = p.conv;
  const std::int64_t inputs = c.n * c.h * c.w * c.c_in;
  const std::int64_t weights = c.c_out * (c.c_in / c.groups) * c.kh * c.kw;
  if (whole) {
    return {whole_numbers(inputs, 3, 1), whole_numbers(weights, 2, 2),
            whole_numbers(c.c_out, 5, 3)};
  }
  return {reals(inputs, 1), reals(weights, 2), reals(c.c_out, 3)};
}

namespace {

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

std::vector<float> times(float factor, std::vector<float> values) {
  for (float& value : values) value *= factor;
  return values;
}

bool is_scaled(const Conv2dProblem& p) {
  return p.precision == Precision::fp8 || p.output_element() == Element::e4m3;
}

// What is multiplied with each sum.
std::vector<float> channel_scales(const Conv2dProblem& p, const TrialScales& scales,
                                  const std::vector<float>& weight) {
  std::vector<float> result;
  const std::int64_t row = p.conv.c_in * p.conv.kh * p.conv.kw;
  for (std::int64_t k = 0; k < p.conv.c_out && is_scaled(p); ++k) {
    const float own =
        p.precision == Precision::fp8 ? fp8_weight_scale(weight.data() + k * row, row) : 1;
    result.push_back(scales.input * own / scales.output);
  }
  return result;
}

}  // namespace

TrialScales scales_of(const Conv2dProblem& p) {
  return {.input = p.precision == Precision::fp8 ? 0.5f : 1,
          .output = p.output_element() == Element::e4m3 ? 0.25f : 1};
}

std::vector<float> run_on_device(const Conv2dProblem& p, const Conv2dPlan& plan,
                                 const ConvValues& values, bool with_bias, std::string& complaint) {
  const TrialScales scales = scales_of(p);
  std::vector<char> packed(static_cast<std::size_t>(plan.packed_weight_bytes));
  pack_conv2d_weight(p, plan, values.weight.data(), packed.data());
  const DeviceArray input(element_of(p.precision),
                          times(1 / scales.input, with_padding(p, values.input)));
  const DeviceArray bias(Element::f32, times(1 / scales.output, values.bias));
  const DeviceArray scale(Element::f32, channel_scales(p, scales, values.weight));
  const DeviceMemory weight = upload_bytes(packed.data(), plan.packed_weight_bytes);
  const DeviceMemory workspace(plan.workspace_bytes);
  const DeviceArray output =
      DeviceArray::untouched(p.output_element(), p.conv.n * p.oh() * p.ow() * p.conv.c_out);
  Stream stream;
  conv2d_forward(stream, p, plan,
                 {.input = input.data(),
                  .weight = weight.data(),
                  .bias = with_bias ? bias.as<const float>() : nullptr,
                  .output = output.data(),
                  .workspace = workspace.data(),
                  .scale = is_scaled(p) ? scale.as<const float>() : nullptr});
  stream.synchronize();
  complaint = output.complaint();
  return times(scales.output, output.read());
}

std::vector<float> expected_of(const Conv2dProblem& p, const ConvValues& values, bool with_bias) {
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

namespace {

// Products of rounded inputs are exact, sums float32, the result rounded.
float bound_of(const Conv2dProblem& p) {
  const auto& c = p.conv;
  const auto terms = static_cast<float>(c.kh * c.kw * c.c_in / c.groups);
  // ConvValues are below 1: terms is the most that a sum of |a * b| can be.
  constexpr float kRounding[] = {0, 0x1p-11f, 0x1p-11f, 0x1p-8f, 0x1p-4f};
  const float output = kRounding[static_cast<int>(p.output_element())];
  return terms * (terms + 2) * 0x1p-24f + output * (terms + 1);
}

// As rows of weights are packed.
std::vector<float> as_packed(const Conv2dProblem& p, std::vector<float> weight) {
  const std::int64_t row = p.conv.c_in / p.conv.groups * p.conv.kh * p.conv.kw;
  for (std::int64_t k = 0; k < p.conv.c_out; ++k) {
    float* const values = weight.data() + k * row;
    const float scale = p.precision == Precision::fp8 ? fp8_weight_scale(values, row) : 1;
    for (std::int64_t i = 0; i < row; ++i) {
      values[i] = scale * rounded_to(element_of(p.precision), values[i] / scale);
    }
  }
  return weight;
}

}  // namespace

std::vector<float> as_stored(const Conv2dProblem& p, std::vector<float> values) {
  const float scale = scales_of(p).output;
  return times(scale, rounded_to(p.output_element(), times(1 / scale, std::move(values))));
}

std::string check_conv(const Conv2dProblem& p, const Conv2dPlan& plan, bool whole, bool with_bias) {
  ConvValues values = make_values(p, whole);
  std::string complaint;
  const std::vector<float> actual = run_on_device(p, plan, values, with_bias, complaint);
  if (!complaint.empty()) return complaint;
  const float scale = scales_of(p).input;
  values.input =
      times(scale, rounded_to(element_of(p.precision), times(1 / scale, std::move(values.input))));
  values.weight = as_packed(p, std::move(values.weight));
  std::vector<float> expected = expected_of(p, values, with_bias);
  if (whole) return difference(actual, as_stored(p, std::move(expected)));
  // Whatever was rounded needs no more digits.
  const std::string digits = difference(actual, as_stored(p, actual));
  return digits.empty() ? difference(actual, expected, bound_of(p)) : digits;
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
  if (p.output) text += " " + name_of(*p.output);
  if (p.c_in_stored > 0) text += " stored " + std::to_string(p.c_in_stored);
  return text + ", " + to_string(p, plan);
}

void add_conv(std::vector<KernelCase>& cases, const Conv2dProblem& p, const Conv2dPlan& plan,
              bool whole, bool with_bias) {
  cases.push_back({describe(p, plan) + (whole ? "" : ", reals"),
                   [=] { return check_conv(p, plan, whole, with_bias); }});
}

Conv2dPlan with_chunks(Conv2dPlan plan, const Conv2dProblem& p, int chunks, bool split) {
  plan.k_chunks = chunks;
  plan.split = split;
  const std::int64_t rows = p.conv.n * p.oh() * p.ow() * (p.conv.max_pool_2x2 ? 4 : 1);
  plan.workspace_bytes = split ? chunks * rows * p.conv.c_out * 4 : 0;
  return plan;
}

Conv2dProblem conv_problem(Precision precision, kernels::Conv2dProblem conv) {
  conv.layout = Layout::nhwc;
  return {.conv = conv, .precision = precision};
}

}  // namespace lamina::kernels::cuda
