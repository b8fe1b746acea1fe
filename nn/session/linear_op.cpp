#include "nn/session/linear_op.h"

#include "core/require.h"
#include "nn/input.h"
#include "nn/session/cuda/product.h"
#include "nn/session/relu_op.h"

namespace lamina::nn::detail {

Shape linear_output_shape(const Shape& input, std::int64_t in_features, std::int64_t out_features) {
  LAMINA_REQUIRE(input.rank() >= 1 && input[-1] == in_features,
                 "[linear] input {} does not end in {} features (weight [{}, {}])", input,
                 in_features, out_features, in_features);
  return input.with(-1, out_features);
}

LinearOp::LinearOp(const Tensor& weight, const Tensor& bias)
    : weight_(f32_weight(weight)), bias_(f32_weight(bias)) {}

Shape LinearOp::output_shape(const Shape& input) const {
  return linear_output_shape(input, weight_.size(1), weight_.size(0));
}

bool LinearOp::absorb(const Op& next) {
  if (relu_ || dynamic_cast<const ReluOp*>(&next) == nullptr) return false;
  return relu_ = true;
}

std::int64_t LinearOp::macs(const Shape& input) const { return input.numel() * weight_.size(0); }

kernels::LinearProblem LinearOp::problem_for(const Shape& input) const {
  return {.n = weight_.size(1) > 0 ? input.numel() / weight_.size(1) : 0,
          .in_features = weight_.size(1),
          .out_features = weight_.size(0),
          .relu = relu_};
}

void LinearOp::prepare(const PrepareContext& context, const Shape& input, kernels::Layout) {
  plan_ = kernels::plan_linear(problem_for(input), context.features);
}

std::string LinearOp::plan_text() const {
  return plan_.reference ? "reference" : std::string("stream ") + to_string(plan_.isa);
}

CudaStep LinearOp::on_cuda(const CudaContext& context, const CudaValue& input) const {
  const kernels::LinearProblem linear = problem_for(input.shape);
  return cuda_product(context,
                      {.conv = {.n = linear.n,
                                .c_in = linear.in_features,
                                .h = 1,
                                .w = 1,
                                .c_out = linear.out_features,
                                .relu = relu_,
                                .layout = kernels::Layout::nhwc},
                       .precision = context.precision,
                       .f32_output = input.is_result},
                      weight_, bias_);
}

void LinearOp::run(const RunContext& context) const {
  kernels::linear_forward(problem_for(context.input_shape), plan_,
                          {.input = context.input,
                           .weight = weight_.data<float>(),
                           .bias = data_or_null(bias_),
                           .output = context.output},
                          context.exec);
}

}  // namespace lamina::nn::detail
