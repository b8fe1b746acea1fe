// Softmax within its bound, top-k exactly.
#include "kernels/cuda/classify.h"
#include "kernels/reference/reference.h"
#include "tests/kernels/cuda/cases.h"
#include "tests/kernels/cuda/device_array.h"

#include <array>
#include <limits>
#include <sstream>

namespace lamina::kernels::cuda {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The contract's bound on the relative error, for values of a range of 40.
float relative_bound(std::int64_t c, std::int64_t inner) {
  const float sum = static_cast<float>(inner < 32 ? c / 256 + 24 : c + 8);
  return (2 * 40 + sum) * 0x1p-24f;
}

std::vector<float> quotients(std::vector<float> values, const std::vector<float>& by) {
  for (std::size_t i = 0; i < values.size(); ++i) values[i] /= by[i];
  return values;
}

struct SoftmaxCase {
  Element element;
  std::int64_t outer, c, inner;
  bool special, in_place;
};

std::string check_softmax(const SoftmaxCase& p) {
  std::vector<float> values = reals(p.outer * p.c * p.inner, 1);
  for (float& value : values) value *= 20;
  if (p.special) {
    values[0] = kNan;
    for (std::int64_t i = 0; i < p.c; ++i) {
      values[static_cast<std::size_t>(i * p.inner + 1)] = -kInfinity;
    }
  }
  values = rounded_to(p.element, values);
  const DeviceArray input(p.element, values);
  const DeviceArray other = DeviceArray::untouched(p.element, p.outer * p.c * p.inner);
  const DeviceArray& output = p.in_place ? input : other;
  Stream stream;
  softmax_forward(stream, p.element, p.outer, p.c, p.inner, input.data(), output.data());
  std::vector<float> expected(values.size());
  reference::softmax(p.outer, p.c, p.inner, values.data(), expected.data());
  const float bound = relative_bound(p.c, p.inner);
  // Half types: their rounding, which for the smallest probabilities is an absolute one.
  constexpr float kRounding[] = {0, 0x1p-11f, 0x1p-11f, 0x1p-8f};
  const std::string wrong =
      difference(output, expected, bound + kRounding[static_cast<int>(p.element)]);
  if (!wrong.empty() || p.element != Element::f32) return wrong;
  return difference(quotients(output.read(), expected), quotients(expected, expected), bound);
}

std::string check_topk(std::int64_t rows, std::int64_t c, std::int64_t k, int range) {
  // Few different values, so that most are equal to others.
  std::vector<float> values = whole_numbers(rows * c, range, 2);
  if (c > 4) {
    values[1] = values[3] = kNan;
    values[2] = kInfinity;
    values[4] = -kInfinity;
  }
  const DeviceArray input(Element::f32, values);
  const DeviceArray output = DeviceArray::untouched(Element::f32, rows * k);
  std::vector<std::int64_t> indices(static_cast<std::size_t>(rows * k), -1);
  const DeviceMemory device_indices =
      upload_bytes(indices.data(), rows * k * std::int64_t{sizeof(std::int64_t)});
  Stream stream;
  topk_forward(stream, rows, c, k, input.as<const float>(), output.as<float>(),
               device_indices.as<std::int64_t>());
  download(indices.data(), device_indices.data(), device_indices.size_bytes(), stream);
  std::vector<float> expected(static_cast<std::size_t>(rows * k));
  std::vector<std::int64_t> expected_indices(expected.size());
  reference::topk(rows, c, k, values.data(), expected.data(), expected_indices.data());
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] != expected_indices[i]) {
      return "index " + std::to_string(i) + " is " + std::to_string(indices[i]) + ", expected " +
             std::to_string(expected_indices[i]);
    }
  }
  return difference(output, expected);
}

KernelCase softmax_case(const SoftmaxCase& p) {
  std::ostringstream name;
  name << "softmax " << name_of(p.element) << " " << p.outer << "x" << p.c << "x" << p.inner
       << (p.special ? ", NaN and infinities" : "") << (p.in_place ? ", in place" : "");
  return {name.str(), [p] { return check_softmax(p); }};
}

}  // namespace

std::vector<KernelCase> classify_cases() {
  std::vector<KernelCase> cases;
  for (const Element element : {Element::f32, Element::f16, Element::bf16}) {
    for (const auto& [outer, c, inner] : {std::array<std::int64_t, 3>{1, 1, 1},
                                          {2, 10, 1},
                                          {3, 1000, 1},
                                          {2, 5, 7},
                                          {1, 300, 3},
                                          {2, 4, 32},
                                          {2, 21, 300}}) {
      for (const bool special : {false, true}) {
        if (special && (c < 2 || inner < 2)) continue;
        cases.push_back(softmax_case({element, outer, c, inner, special, c == 10 || c == 21}));
      }
    }
  }
  for (const auto& [rows, c, k, range] : {std::array<std::int64_t, 4>{1, 1, 1, 3},
                                          {2, 10, 10, 3},
                                          {3, 1000, 5, 400},
                                          {1, 255, 7, 1},
                                          {2, 300, 300, 5},
                                          {1, 5000, 20, 100},
                                          {1, 100'000, 3, 1000},
                                          {1, 700, 9, 0}}) {
    cases.push_back({"topk " + std::to_string(k) + " of " + std::to_string(c),
                     [=] { return check_topk(rows, c, k, static_cast<int>(range)); }});
  }
  return cases;
}

}  // namespace lamina::kernels::cuda
