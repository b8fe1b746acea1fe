// Softmax within its bound, top-k exactly.
#include "kernels/cuda/classify.h"
#include "kernels/reference/reference.h"
#include "tests/kernels/cuda/cases.h"
#include "tests/kernels/cuda/device_array.h"

#include <cmath>
#include <limits>

namespace lamina::kernels::cuda {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::string check_softmax(Element element, std::int64_t outer, std::int64_t c, std::int64_t inner,
                          bool special) {
  std::vector<float> values = reals(outer * c * inner, 1);
  for (float& value : values) value *= 20;
  if (special) {
    values[0] = kNan;
    for (std::int64_t i = 0; i < c; ++i)
      values[static_cast<std::size_t>(i * inner + 1)] = -kInfinity;
  }
  values = rounded_to(element, values);
  const DeviceArray input(element, values);
  const DeviceArray output = DeviceArray::untouched(element, outer * c * inner);
  Stream stream;
  softmax_forward(stream, element, outer, c, inner, input.data(), output.data());
  std::vector<float> expected(values.size());
  reference::softmax(outer, c, inner, values.data(), expected.data());
  // expf and the quotient are off by some units of the last place, the sum by one a term.
  constexpr float kRounding[] = {0x1p-20f, 0x1p-10f, 0x1p-7f};
  return difference(output, expected, kRounding[static_cast<int>(element)]);
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

}  // namespace

std::vector<KernelCase> classify_cases() {
  std::vector<KernelCase> cases;
  for (const Element element : {Element::f32, Element::f16, Element::bf16}) {
    for (const auto& [outer, c, inner] :
         {std::array<std::int64_t, 3>{1, 1, 1}, {2, 10, 1}, {3, 1000, 1}, {2, 5, 7}, {1, 300, 3}}) {
      for (const bool special : {false, true}) {
        if (special && (c < 2 || inner < 2)) continue;
        cases.push_back({"softmax " + std::to_string(c),
                         [=] { return check_softmax(element, outer, c, inner, special); }});
      }
    }
  }
  for (const auto& [rows, c, k, range] : {std::array<std::int64_t, 4>{1, 1, 1, 3},
                                          {2, 10, 10, 3},
                                          {3, 1000, 5, 400},
                                          {1, 255, 7, 1},
                                          {2, 300, 300, 5},
                                          {1, 5000, 20, 100}}) {
    cases.push_back({"topk " + std::to_string(k) + " of " + std::to_string(c),
                     [=] { return check_topk(rows, c, k, static_cast<int>(range)); }});
  }
  return cases;
}

}  // namespace lamina::kernels::cuda
