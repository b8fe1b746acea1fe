#include <lamina/nn/pooling.h>

#include "core/require.h"
#include "nn/factories.h"
#include "nn/repr.h"
#include "nn/session/plan_builder.h"
#include "nn/session/pool_op.h"
#include "nn/session/run_alone.h"

namespace lamina::nn {
namespace {

// What MaxPool2d and AvgPool2d demand alike; PyTorch too limits padding to half the window.
void check_window(const char* layer, const Size2& kernel, const Size2& stride,
                  const Size2& padding) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 20;
  const bool legal = kernel.h >= 1 && kernel.w >= 1 && kernel.h < kLimit && kernel.w < kLimit &&
                     stride.h >= 1 && stride.w >= 1 && stride.h < kLimit && stride.w < kLimit &&
                     padding.h >= 0 && padding.w >= 0;
  LAMINA_REQUIRE(legal, "[{}] kernel_size={}, stride={}, padding={} make no pooling", layer,
                 to_string(kernel), to_string(stride), to_string(padding));
  LAMINA_REQUIRE(padding.h <= kernel.h / 2 && padding.w <= kernel.w / 2,
                 "[{}] padding {} is more than half of the window {}", layer, to_string(padding),
                 to_string(kernel));
}

std::string window_repr(const Size2& kernel, const Size2& stride, const Size2& padding) {
  return fmt::format("kernel_size={}, stride={}, padding={}", to_string(kernel), to_string(stride),
                     to_string(padding));
}

}  // namespace

MaxPool2d::MaxPool2d(const MaxPool2dOptions& options) : options_(options) {
  check_window("max_pool2d", options.kernel_size, options.stride.value_or(options.kernel_size),
               options.padding);
  constexpr std::int64_t kLimit = std::int64_t{1} << 20;
  LAMINA_REQUIRE(options.dilation.h >= 1 && options.dilation.w >= 1 &&
                     options.dilation.h < kLimit && options.dilation.w < kLimit,
                 "[max_pool2d] dilation={}", to_string(options.dilation));
}

Tensor MaxPool2d::forward(const Tensor& input) const {
  detail::MaxPool2dOp op(options_);
  return detail::run_alone(op, input);
}

void MaxPool2d::lower(detail::PlanBuilder& builder) const {
  builder.add(std::make_unique<detail::MaxPool2dOp>(options_));
}

std::string MaxPool2d::extra_repr() const {
  const MaxPool2dOptions& o = options_;
  return fmt::format("{}, dilation={}, ceil_mode={}",
                     window_repr(o.kernel_size, o.stride.value_or(o.kernel_size), o.padding),
                     to_string(o.dilation), python_repr(o.ceil_mode));
}

LayerSpec MaxPool2d::spec() const {
  const MaxPool2dOptions& o = options_;
  return {.type = type_name(),
          .args = {{"kernel_size", to_arg(o.kernel_size)},
                   {"stride", to_arg(o.stride.value_or(o.kernel_size))},
                   {"padding", to_arg(o.padding)},
                   {"dilation", to_arg(o.dilation)},
                   {"ceil_mode", o.ceil_mode}},
          .children = {}};
}

std::shared_ptr<Module> make_max_pool2d(const LayerSpec& spec, const LayerRegistry&) {
  const Size2 kernel = arg_size2(spec, "kernel_size");
  return std::make_shared<MaxPool2d>(
      MaxPool2dOptions{.kernel_size = kernel,
                       .stride = arg_size2(spec, "stride", kernel),
                       .padding = arg_size2(spec, "padding", 0),
                       .dilation = arg_size2(spec, "dilation", 1),
                       .ceil_mode = arg_bool(spec, "ceil_mode", false)});
}

AvgPool2d::AvgPool2d(const AvgPool2dOptions& options) : options_(options) {
  check_window("avg_pool2d", options.kernel_size, options.stride.value_or(options.kernel_size),
               options.padding);
  LAMINA_REQUIRE(options.divisor_override.value_or(1) >= 1, "[avg_pool2d] divisor_override={}",
                 *options.divisor_override);
}

Tensor AvgPool2d::forward(const Tensor& input) const {
  detail::AvgPool2dOp op(options_);
  return detail::run_alone(op, input);
}

void AvgPool2d::lower(detail::PlanBuilder& builder) const {
  builder.add(std::make_unique<detail::AvgPool2dOp>(options_));
}

std::string AvgPool2d::extra_repr() const {
  return window_repr(options_.kernel_size, options_.stride.value_or(options_.kernel_size),
                     options_.padding);
}

LayerSpec AvgPool2d::spec() const {
  const AvgPool2dOptions& o = options_;
  return {.type = type_name(),
          .args = {{"kernel_size", to_arg(o.kernel_size)},
                   {"stride", to_arg(o.stride.value_or(o.kernel_size))},
                   {"padding", to_arg(o.padding)},
                   {"ceil_mode", o.ceil_mode},
                   {"count_include_pad", o.count_include_pad},
                   {"divisor_override", o.divisor_override ? ArgValue(*o.divisor_override)
                                                           : ArgValue(std::monostate{})}},
          .children = {}};
}

std::shared_ptr<Module> make_avg_pool2d(const LayerSpec& spec, const LayerRegistry&) {
  const Size2 kernel = arg_size2(spec, "kernel_size");
  const ArgValue* divisor = spec.find_arg("divisor_override");
  const bool divided = divisor != nullptr && !std::holds_alternative<std::monostate>(*divisor);
  return std::make_shared<AvgPool2d>(AvgPool2dOptions{
      .kernel_size = kernel,
      .stride = arg_size2(spec, "stride", kernel),
      .padding = arg_size2(spec, "padding", 0),
      .ceil_mode = arg_bool(spec, "ceil_mode", false),
      .count_include_pad = arg_bool(spec, "count_include_pad", true),
      .divisor_override =
          divided ? std::optional(arg_int(spec, "divisor_override")) : std::nullopt});
}

AdaptiveAvgPool2d::AdaptiveAvgPool2d(Size2 output_size) : output_size_(output_size) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 20;
  const auto legal = [](std::int64_t side) {
    return side == Size2::kNone || (side >= 1 && side < kLimit);
  };
  LAMINA_REQUIRE(legal(output_size.h) && legal(output_size.w),
                 "[adaptive_avg_pool2d] output_size={}", to_string(output_size));
}

Tensor AdaptiveAvgPool2d::forward(const Tensor& input) const {
  detail::AdaptiveAvgPool2dOp op(output_size_);
  return detail::run_alone(op, input);
}

void AdaptiveAvgPool2d::lower(detail::PlanBuilder& builder) const {
  builder.add(std::make_unique<detail::AdaptiveAvgPool2dOp>(output_size_));
}

std::string AdaptiveAvgPool2d::extra_repr() const {
  return "output_size=" + to_string(output_size_);
}

LayerSpec AdaptiveAvgPool2d::spec() const {
  return {.type = type_name(), .args = {{"output_size", to_arg(output_size_)}}, .children = {}};
}

std::shared_ptr<Module> make_adaptive_avg_pool2d(const LayerSpec& spec, const LayerRegistry&) {
  return std::make_shared<AdaptiveAvgPool2d>(arg_size2(spec, "output_size"));
}

}  // namespace lamina::nn
