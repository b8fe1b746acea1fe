// Pooling against the reference: largest values exactly, averages of small whole numbers within a
// rounding.
#include "kernels/cuda/pool2d.h"
#include "kernels/reference/reference.h"
#include "tests/kernels/cuda/cases.h"
#include "tests/kernels/cuda/device_array.h"

#include <limits>
#include <sstream>

namespace lamina::kernels::cuda {
namespace {

constexpr Element kElements[] = {Element::f32, Element::tf32, Element::f16, Element::bf16};

// One rounding of a float32 quotient, one of the result, of values up to 8.
float average_bound(Element element) {
  constexpr float kRounding[] = {0x1p-21f, 0x1p-8f, 0x1p-8f, 0x1p-5f};
  return kRounding[static_cast<int>(element)];
}

template <typename Problem>
std::string check(Element element, const Problem& p, std::int64_t oh, std::int64_t ow,
                  void (*forward)(Stream&, Element, const Problem&, const void*, void*),
                  void (*judge)(const Problem&, const float*, float*), float bound, bool with_nan) {
  std::vector<float> values = whole_numbers(p.n * p.c * p.h * p.w, 8, 1);
  if (with_nan) values[values.size() / 2] = std::numeric_limits<float>::quiet_NaN();
  const DeviceArray input(element, values);
  std::vector<float> expected(static_cast<std::size_t>(p.n * p.c * oh * ow));
  const DeviceArray output =
      DeviceArray::untouched(element, static_cast<std::int64_t>(expected.size()));
  Stream stream;
  forward(stream, element, p, input.data(), output.data());
  judge(p, values.data(), expected.data());
  return difference(output, expected, bound);
}

// "max_pool2d f16 NHWC 2x8x6x8 to 3x4".
template <typename Problem>
std::string describe(const char* kernel, Element element, const Problem& p, std::int64_t oh,
                     std::int64_t ow) {
  std::ostringstream name;
  name << kernel << " " << name_of(element) << (p.layout == Layout::nhwc ? " NHWC " : " NCHW ")
       << p.n << "x" << p.c << "x" << p.h << "x" << p.w << " to " << oh << "x" << ow;
  return name.str();
}

KernelCase max_case(Element element, const Pool2dProblem& p, bool with_nan) {
  return {describe("max_pool2d", element, p, p.oh(), p.ow()) + (with_nan ? ", NaN" : ""), [=] {
            return check(element, p, p.oh(), p.ow(), max_pool2d_forward, reference::max_pool2d, 0,
                         with_nan);
          }};
}

KernelCase avg_case(Element element, const Pool2dProblem& p) {
  return {describe("avg_pool2d", element, p, p.oh(), p.ow()), [=] {
            return check(element, p, p.oh(), p.ow(), avg_pool2d_forward, reference::avg_pool2d,
                         average_bound(element), false);
          }};
}

std::vector<Pool2dProblem> windows() {
  return {
      {.n = 2, .c = 8, .h = 6, .w = 8},
      {.n = 1, .c = 3, .h = 7, .w = 5},
      {.n = 1,
       .c = 16,
       .h = 7,
       .w = 9,
       .kh = 3,
       .kw = 3,
       .pad_h = 1,
       .pad_w = 1,
       .ceil_mode = true},
      {.n = 2, .c = 5, .h = 9, .w = 4, .kh = 3, .kw = 2, .stride_h = 1, .stride_w = 3, .pad_w = 1},
      {.n = 1, .c = 8, .h = 40, .w = 41, .kh = 5, .kw = 5, .stride_h = 5, .stride_w = 4}};
}

void add_windows(std::vector<KernelCase>& cases, Element element, Layout layout) {
  for (Pool2dProblem p : windows()) {
    p.layout = layout;
    cases.push_back(max_case(element, p, false));
    cases.push_back(max_case(element, p, true));
    cases.push_back(avg_case(element, p));
  }
  Pool2dProblem p{.n = 1,
                  .c = 8,
                  .h = 7,
                  .w = 7,
                  .kh = 3,
                  .kw = 3,
                  .stride_h = 1,
                  .stride_w = 1,
                  .dilation_h = 2,
                  .dilation_w = 3,
                  .layout = layout};
  cases.push_back(max_case(element, p, false));
  p.dilation_h = p.dilation_w = 1;
  p.pad_h = 1;
  p.count_include_pad = false;
  cases.push_back(avg_case(element, p));
  p.divisor_override = 5;
  cases.push_back(avg_case(element, p));
}

void add_adaptive(std::vector<KernelCase>& cases, Element element, Layout layout) {
  for (AdaptivePool2dProblem p :
       {AdaptivePool2dProblem{.n = 2, .c = 8, .h = 7, .w = 5, .oh = 3, .ow = 3},
        AdaptivePool2dProblem{.n = 1, .c = 3, .h = 2, .w = 3, .oh = 5, .ow = 7},
        AdaptivePool2dProblem{.n = 1, .c = 16, .h = 4, .w = 4, .oh = 4, .ow = 4}}) {
    p.layout = layout;
    cases.push_back({describe("adaptive_avg_pool2d", element, p, p.oh, p.ow), [=] {
                       return check(element, p, p.oh, p.ow, adaptive_avg_pool2d_forward,
                                    reference::adaptive_avg_pool2d, average_bound(element), false);
                     }});
  }
}

}  // namespace

std::vector<KernelCase> pool2d_cases() {
  std::vector<KernelCase> cases;
  for (const Element element : kElements) {
    for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
      add_windows(cases, element, layout);
      add_adaptive(cases, element, layout);
    }
  }
  return cases;
}

}  // namespace lamina::kernels::cuda
