#include "nn/session/pool_op.h"

#include "core/require.h"
#include "kernels/cuda/pool2d.h"
#include "kernels/gradients.h"
#include "nn/session/cuda/step.h"

#include <string_view>

namespace lamina::nn::detail {
namespace {

void check_rank(std::string_view op, const Shape& input) {
  LAMINA_REQUIRE(input.rank() == 4, "[{}] expected an input [n, c, h, w], got {}", op, input);
}

// What max and average pooling have in common.
template <typename Options>
kernels::Pool2dProblem window_problem(std::string_view op, const Options& options,
                                      const Shape& input) {
  check_rank(op, input);
  const Size2 stride = options.stride.value_or(options.kernel_size);
  return {.n = input[0],
          .c = input[1],
          .h = input[2],
          .w = input[3],
          .kh = options.kernel_size.h,
          .kw = options.kernel_size.w,
          .stride_h = stride.h,
          .stride_w = stride.w,
          .pad_h = options.padding.h,
          .pad_w = options.padding.w,
          .ceil_mode = options.ceil_mode};
}

void check_output(std::string_view op, const kernels::Pool2dProblem& problem, const Shape& input) {
  LAMINA_REQUIRE(problem.oh() >= 1 && problem.ow() >= 1,
                 "[{}] input {} is smaller than the {}x{} window", op, input, problem.kh,
                 problem.kw);
}

Shape pooled_shape(const kernels::Pool2dProblem& problem) {
  return {problem.n, problem.c, problem.oh(), problem.ow()};
}

// A pooling kernel's step: `problem` is for max_batch images.
template <typename Problem>
CudaStep pool_step(void (*forward)(kernels::cuda::Stream&, kernels::cuda::Element, const Problem&,
                                   const void*, void*),
                   Problem problem, const CudaValue& input) {
  problem.layout = input.format.layout;
  const auto enqueue = [=, element = input.element()](const CudaRun& run) {
    Problem now = problem;
    now.n = run.n;
    forward(run.stream, element, now, run.input, run.output);
  };
  return {.enqueue = enqueue, .output = {.element = input.element(), .layout = problem.layout}};
}

}  // namespace

kernels::Pool2dProblem max_pool2d_problem(const MaxPool2dOptions& options, const Shape& input) {
  auto problem = window_problem("max_pool2d", options, input);
  problem.dilation_h = options.dilation.h;
  problem.dilation_w = options.dilation.w;
  check_output("max_pool2d", problem, input);
  return problem;
}

kernels::Pool2dProblem avg_pool2d_problem(const AvgPool2dOptions& options, const Shape& input) {
  auto problem = window_problem("avg_pool2d", options, input);
  problem.count_include_pad = options.count_include_pad;
  problem.divisor_override = options.divisor_override.value_or(0);
  check_output("avg_pool2d", problem, input);
  return problem;
}

kernels::AdaptivePool2dProblem adaptive_pool2d_problem(Size2 output_size, const Shape& input) {
  check_rank("adaptive_avg_pool2d", input);
  LAMINA_REQUIRE(input[2] >= 1 && input[3] >= 1, "[adaptive_avg_pool2d] input {} is empty", input);
  return {.n = input[0],
          .c = input[1],
          .h = input[2],
          .w = input[3],
          .oh = output_size.h == Size2::kNone ? input[2] : output_size.h,
          .ow = output_size.w == Size2::kNone ? input[3] : output_size.w};
}

Shape MaxPool2dOp::output_shape(const Shape& input) const {
  return pooled_shape(max_pool2d_problem(options_, input));
}

bool MaxPool2dOp::is_plain_2x2() const {
  const Size2 two{2, 2};
  return options_.kernel_size == two && options_.stride.value_or(two) == two &&
         options_.padding == Size2{0, 0} && options_.dilation == Size2{1, 1} && !options_.ceil_mode;
}

CudaStep MaxPool2dOp::on_cuda(const CudaContext&, const CudaValue& input) const {
  return pool_step(kernels::cuda::max_pool2d_forward, max_pool2d_problem(options_, input.shape),
                   input);
}

void MaxPool2dOp::run(const RunContext& context) const {
  auto problem = max_pool2d_problem(options_, context.input_shape);
  problem.layout = context.layout;
  kernels::max_pool2d_forward(problem, context.input, context.output, context.exec);
}

void MaxPool2dOp::input_gradient(const GradientContext& context) const {
  kernels::max_pool2d_gradient(max_pool2d_problem(options_, context.input_shape), context.input,
                               context.output_gradient, context.input_gradient, context.exec);
}

Shape AvgPool2dOp::output_shape(const Shape& input) const {
  return pooled_shape(avg_pool2d_problem(options_, input));
}

CudaStep AvgPool2dOp::on_cuda(const CudaContext&, const CudaValue& input) const {
  return pool_step(kernels::cuda::avg_pool2d_forward, avg_pool2d_problem(options_, input.shape),
                   input);
}

void AvgPool2dOp::run(const RunContext& context) const {
  auto problem = avg_pool2d_problem(options_, context.input_shape);
  problem.layout = context.layout;
  kernels::avg_pool2d_forward(problem, context.input, context.output, context.exec);
}

void AvgPool2dOp::input_gradient(const GradientContext& context) const {
  kernels::avg_pool2d_gradient(avg_pool2d_problem(options_, context.input_shape),
                               context.output_gradient, context.input_gradient, context.exec);
}

Shape AdaptiveAvgPool2dOp::output_shape(const Shape& input) const {
  const auto problem = adaptive_pool2d_problem(output_size_, input);
  return {problem.n, problem.c, problem.oh, problem.ow};
}

CudaStep AdaptiveAvgPool2dOp::on_cuda(const CudaContext&, const CudaValue& input) const {
  return pool_step(kernels::cuda::adaptive_avg_pool2d_forward,
                   adaptive_pool2d_problem(output_size_, input.shape), input);
}

void AdaptiveAvgPool2dOp::run(const RunContext& context) const {
  auto problem = adaptive_pool2d_problem(output_size_, context.input_shape);
  problem.layout = context.layout;
  kernels::adaptive_avg_pool2d_forward(problem, context.input, context.output, context.exec);
}

void AdaptiveAvgPool2dOp::input_gradient(const GradientContext& context) const {
  kernels::adaptive_avg_pool2d_gradient(adaptive_pool2d_problem(output_size_, context.input_shape),
                                        context.output_gradient, context.input_gradient,
                                        context.exec);
}

}  // namespace lamina::nn::detail
