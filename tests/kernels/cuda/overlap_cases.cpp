// Kernels on a stream that overlaps: each runs behind a kernel that wrote its input, and twice, so
// that it also writes over what an earlier one left. The emulator finds who does not wait; on a GPU
// the results must be those of a stream that does not overlap.
#include "kernels/cuda/classify.h"
#include "kernels/cuda/pointwise.h"
#include "kernels/cuda/pool2d.h"
#include "kernels/cuda/preprocess.h"
#include "tests/kernels/cuda/conv2d_trial.h"
#include "tests/kernels/cuda/device_array.h"
#include "tests/kernels/cuda/device_axis.h"
#include "vision/resize_taps.h"

#include <memory>

namespace lamina::kernels::cuda {
namespace {

constexpr std::int64_t kCount = 9 * 9 * 64;  // elements of the input and of the output

struct Buffers {
  DeviceArray input, output;
};

/// Enqueues the kernels under test. What they need beside the buffers is on the device before.
using Enqueue = std::function<void(Stream&, const Buffers&)>;

std::vector<float> run_twice(Element element, const Enqueue& enqueue, bool overlaps) {
  const Buffers buffers{DeviceArray(element, whole_numbers(kCount, 3, 1)),
                        DeviceArray(element, std::vector<float>(kCount, 0.0f))};
  Stream stream;
  stream.set_overlaps(overlaps);
  for (int i = 0; i < 2; ++i) {
    relu_forward(stream, element, buffers.input.data(), buffers.input.data(), kCount);
    enqueue(stream, buffers);
  }
  stream.synchronize();
  return buffers.output.read();
}

KernelCase overlap_case(const std::string& name, Element element,
                        const std::function<Enqueue()>& prepare) {
  return {"overlapping " + name, [=] {
            const bool can_overlap = device_properties(0).compute_major >= 9;
            const Enqueue enqueue = prepare();
            return difference(run_twice(element, enqueue, can_overlap),
                              run_twice(element, enqueue, false));
          }};
}

KernelCase simple_case(const std::string& name, const Enqueue& enqueue) {
  return overlap_case(name, Element::f32, [=] { return enqueue; });
}

KernelCase convert_case(const std::string& name, std::int64_t c, const Format& from,
                        const Format& to) {
  return simple_case(name, [=](Stream& stream, const Buffers& at) {
    convert(stream, 1, c, 81, from, to, at.input.data(), at.output.data());
  });
}

KernelCase preprocess_case() {
  struct Tables {
    vision::TapTable taps{16, 12, 0, 12};
    DeviceAxis columns = upload_axis(taps, 16), rows = upload_axis(taps, 16);
    DeviceMemory workspace{16 * 16 * 3};
  };
  return overlap_case("preprocess", Element::f32, [] {
    return [tables = std::make_shared<const Tables>()](Stream& stream, const Buffers& at) {
      const PreprocessProblem p{.columns = tables->columns.axis,
                                .rows = tables->rows.axis,
                                .w = 12,
                                .h = 12,
                                .output = {}};
      preprocess(stream, p, at.input.as<const std::uint8_t>(), at.output.data(),
                 tables->workspace.data());
    };
  });
}

KernelCase conv_case(const Conv2dProblem& p, Conv2dPlan plan) {
  struct Memory {
    DeviceMemory weight, workspace;
  };
  plan.blocks = 2;
  return overlap_case(describe(p, plan), element_of(p.precision), [=] {
    std::vector<char> packed(static_cast<std::size_t>(plan.packed_weight_bytes));
    pack_conv2d_weight(p, plan, make_values(p, true).weight.data(), packed.data());
    const auto memory = std::make_shared<const Memory>(Memory{
        upload_bytes(packed.data(), plan.packed_weight_bytes), DeviceMemory(plan.workspace_bytes)});
    return [=](Stream& stream, const Buffers& at) {
      conv2d_forward(stream, p, plan,
                     {.input = at.input.data(),
                      .weight = memory->weight.data(),
                      .bias = nullptr,
                      .output = at.output.data(),
                      .workspace = memory->workspace.data()});
    };
  });
}

void add_convolutions(std::vector<KernelCase>& cases) {
  const kernels::Conv2dProblem conv{
      .n = 1, .c_in = 64, .h = 9, .w = 9, .c_out = 64, .kh = 3, .kw = 3, .pad_h = 1, .pad_w = 1};
  const Conv2dProblem plain = conv_problem(Precision::fp32, conv);
  cases.push_back(conv_case(plain, with_chunks(plan_conv2d(plain, kHopper), plain, 2, true)));
  Conv2dProblem hopper = conv_problem(Precision::bf16, conv);
  hopper.may_wgmma = true;
  cases.push_back(conv_case(hopper, with_chunks(plan_conv2d(hopper, kHopper), hopper, 1, false)));
  hopper.conv = {.n = 1, .c_in = 9 * 64, .h = 1, .w = 1, .c_out = 128, .kh = 1, .kw = 1};
  cases.push_back(conv_case(hopper, plan_conv2d(hopper, kHopper)));
}

}  // namespace

std::vector<KernelCase> overlap_cases() {
  std::vector<KernelCase> cases{
      simple_case("relu",
                  [](Stream& stream, const Buffers& at) {
                    relu_forward(stream, Element::f32, at.input.data(), at.output.data(), kCount);
                  }),
      convert_case("convert_pixels", 3, {}, {.layout = Layout::nhwc, .c_stored = 4}),
      convert_case("convert_transpose", 64, {}, {.layout = Layout::nhwc}),
      convert_case("convert_rows", 64, {}, {}),
      simple_case("max_pool2d",
                  [](Stream& stream, const Buffers& at) {
                    max_pool2d_forward(stream, Element::f32, {.n = 1, .c = 64, .h = 9, .w = 9},
                                       at.input.data(), at.output.data());
                  }),
      simple_case("softmax of rows",
                  [](Stream& stream, const Buffers& at) {
                    softmax_forward(stream, Element::f32, 9, 9 * 64, 1, at.input.data(),
                                    at.output.data());
                  }),
      simple_case("softmax of columns",
                  [](Stream& stream, const Buffers& at) {
                    softmax_forward(stream, Element::f32, 1, 81, 64, at.input.data(),
                                    at.output.data());
                  }),
      simple_case("topk",
                  [](Stream& stream, const Buffers& at) {
                    topk_forward(stream, 1, 64, 2, at.input.as<const float>(),
                                 at.output.as<float>(), at.output.as<std::int64_t>() + 8);
                  }),
      preprocess_case()};
  add_convolutions(cases);
  return cases;
}

}  // namespace lamina::kernels::cuda
