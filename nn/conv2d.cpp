#include <lamina/nn/conv2d.h>

#include "core/require.h"
#include "nn/factories.h"
#include "nn/session/conv2d_op.h"
#include "nn/session/plan_builder.h"
#include "nn/session/run_alone.h"

namespace lamina::nn {
namespace {

void check(const Conv2dOptions& o) {
  LAMINA_REQUIRE(o.in_channels >= 1 && o.out_channels >= 1,
                 "[conv2d] {} input and {} output channels; at least 1 of each", o.in_channels,
                 o.out_channels);
  LAMINA_REQUIRE(o.groups >= 1 && o.in_channels % o.groups == 0 && o.out_channels % o.groups == 0,
                 "[conv2d] {} groups do not divide {} input and {} output channels", o.groups,
                 o.in_channels, o.out_channels);
  // Below 2^20 no product of a size, a stride and a dilation can overflow.
  constexpr std::int64_t kLimit = std::int64_t{1} << 20;
  const auto within = [](const Size2& size, std::int64_t least) {
    return size.h >= least && size.w >= least && size.h < kLimit && size.w < kLimit;
  };
  LAMINA_REQUIRE(within(o.kernel_size, 1) && within(o.stride, 1) && within(o.dilation, 1) &&
                     within(o.padding, 0),
                 "[conv2d] kernel_size={}, stride={}, padding={}, dilation={} make no convolution",
                 to_pair_string(o.kernel_size), to_pair_string(o.stride), to_pair_string(o.padding),
                 to_pair_string(o.dilation));
}

}  // namespace

Conv2d::Conv2d(const Conv2dOptions& options) : options_(options) {
  check(options);
  register_parameter("weight",
                     Tensor::zeros({options.out_channels, options.in_channels / options.groups,
                                    options.kernel_size.h, options.kernel_size.w}));
  register_parameter("bias", options.bias ? Tensor::zeros(Shape{options.out_channels}) : Tensor());
}

Tensor Conv2d::forward(const Tensor& input) const {
  detail::Conv2dOp op(options_, parameter("weight"), parameter("bias"));
  return detail::run_alone(op, input);
}

void Conv2d::lower(detail::PlanBuilder& builder) const {
  builder.add(std::make_unique<detail::Conv2dOp>(options_, parameter("weight"), parameter("bias")));
}

std::string Conv2d::extra_repr() const {
  const Conv2dOptions& o = options_;
  std::string text = fmt::format("{}, {}, kernel_size={}, stride={}", o.in_channels, o.out_channels,
                                 to_pair_string(o.kernel_size), to_pair_string(o.stride));
  if (o.padding != Size2(0)) text += ", padding=" + to_pair_string(o.padding);
  if (o.dilation != Size2(1)) text += ", dilation=" + to_pair_string(o.dilation);
  if (o.groups != 1) text += fmt::format(", groups={}", o.groups);
  if (!o.bias) text += ", bias=False";
  return text;
}

LayerSpec Conv2d::spec() const {
  return {.type = type_name(),
          .args = {{"in_channels", options_.in_channels},
                   {"out_channels", options_.out_channels},
                   {"kernel_size", to_arg(options_.kernel_size)},
                   {"stride", to_arg(options_.stride)},
                   {"padding", to_arg(options_.padding)},
                   {"dilation", to_arg(options_.dilation)},
                   {"groups", options_.groups},
                   {"bias", options_.bias}},
          .children = {}};
}

std::shared_ptr<Module> make_conv2d(const LayerSpec& spec, const LayerRegistry&) {
  return std::make_shared<Conv2d>(Conv2dOptions{.in_channels = arg_int(spec, "in_channels"),
                                                .out_channels = arg_int(spec, "out_channels"),
                                                .kernel_size = arg_size2(spec, "kernel_size"),
                                                .stride = arg_size2(spec, "stride", 1),
                                                .padding = arg_size2(spec, "padding", 0),
                                                .dilation = arg_size2(spec, "dilation", 1),
                                                .groups = arg_int(spec, "groups", 1),
                                                .bias = arg_bool(spec, "bias", true)});
}

}  // namespace lamina::nn
