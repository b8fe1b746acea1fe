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

}  // namespace

std::vector<float> run_on_device(const Conv2dProblem& p, const Conv2dPlan& plan,
                                 const ConvValues& values, bool with_bias, std::string& complaint) {
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
  constexpr float kRounding[] = {0, 0x1p-11f, 0x1p-11f, 0x1p-8f};
  const float output = p.f32_output ? 0 : kRounding[static_cast<int>(p.precision)];
  return terms * (terms + 2) * 0x1p-24f + output * (terms + 1);
}

// Whatever rounds to 8 or 11 bits leaves numbers that need no more.
std::string complaint_of_digits(Element element, const std::vector<float>& values) {
  return difference(values, rounded_to(element, values));
}

}  // namespace

std::string check_conv(const Conv2dProblem& p, const Conv2dPlan& plan, bool whole, bool with_bias) {
  ConvValues values = make_values(p, whole);
  std::string complaint;
  const std::vector<float> actual = run_on_device(p, plan, values, with_bias, complaint);
  if (!complaint.empty()) return complaint;
  values.input = rounded_to(element_of(p.precision), std::move(values.input));
  values.weight = rounded_to(element_of(p.precision), std::move(values.weight));
  std::vector<float> expected = expected_of(p, values, with_bias);
  const Element element = element_of(p.precision);
  if (!whole) {
    const std::string digits = p.f32_output ? "" : complaint_of_digits(element, actual);
    return digits.empty() ? difference(actual, expected, bound_of(p)) : digits;
  }
  if (!p.f32_output) expected = rounded_to(element, std::move(expected));
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
