#include "nn/session/batch_norm_op.h"

#include "core/derived.h"
#include "core/require.h"
#include "kernels/cuda/pointwise.h"
#include "kernels/gradients.h"
#include "nn/input.h"
#include "nn/session/cuda/weights.h"

#include <cmath>

namespace lamina::nn::detail {
void check_batch_norm_input(const Shape& input, std::int64_t channels, int dimensions) {
  const bool rank_fits =
      dimensions == 2 ? input.rank() == 4 : input.rank() == 2 || input.rank() == 3;
  LAMINA_REQUIRE(rank_fits, "[batch_norm] expected {} input, got {}",
                 dimensions == 2 ? "[n, c, h, w]" : "[n, c] or [n, c, l]", input);
  LAMINA_REQUIRE(input[1] == channels, "[batch_norm] input {} has {} channels, expected {}", input,
                 input[1], channels);
}

BatchNormOp::BatchNormOp(double eps, Tensor running_mean, Tensor running_var, Tensor weight,
                         Tensor bias, int dimensions)
    : eps_(eps),
      running_mean_(f32_weight(running_mean)),
      running_var_(f32_weight(running_var)),
      weight_(f32_weight(weight)),
      bias_(f32_weight(bias)),
      dimensions_(dimensions) {}

Shape BatchNormOp::output_shape(const Shape& input) const {
  check_batch_norm_input(input, channels(), dimensions_);
  return input;
}

kernels::BatchNormProblem BatchNormOp::problem_for(const Shape& input) const {
  return {.n = input[0],
          .c = channels(),
          .spatial = input[0] > 0 ? input.numel() / input[0] / channels() : 0,
          .eps = static_cast<float>(eps_)};
}

kernels::BatchNormArgs BatchNormOp::args_for(const float* input, float* output) const {
  return {.input = input,
          .running_mean = running_mean_.data<float>(),
          .running_var = running_var_.data<float>(),
          .weight = data_or_null(weight_),
          .bias = data_or_null(bias_),
          .output = output};
}

void BatchNormOp::run(const RunContext& context) const {
  kernels::BatchNormProblem problem = problem_for(context.input_shape);
  problem.layout = context.layout;
  kernels::batch_norm_forward(problem, args_for(context.input, context.output), context.exec);
}

void BatchNormOp::input_gradient(const GradientContext& context) const {
  kernels::batch_norm_gradient(problem_for(context.input_shape), args_for(context.input, nullptr),
                               context.output_gradient, context.input_gradient, context.exec);
}

CudaStep BatchNormOp::on_cuda(const CudaContext& context, const CudaValue& input) const {
  const Shape& shape = input.shape;
  const kernels::BatchNormProblem problem{.c = channels(),
                                          .spatial = shape.numel() / shape[0] / channels(),
                                          .eps = static_cast<float>(eps_),
                                          .layout = input.format.layout};
  const CudaMemory mean = upload_f32(context, running_mean_),
                   var = upload_f32(context, running_var_);
  const CudaMemory weight = upload_f32(context, weight_), bias = upload_f32(context, bias_);
  const auto enqueue = [=, element = input.element()](const CudaRun& run) {
    kernels::BatchNormProblem now = problem;
    now.n = run.n;
    kernels::cuda::batch_norm_forward(run.stream, element, now,
                                      {.input = run.input,
                                       .running_mean = f32_or_null(mean),
                                       .running_var = f32_or_null(var),
                                       .weight = f32_or_null(weight),
                                       .bias = f32_or_null(bias),
                                       .output = run.output});
  };
  return {.enqueue = enqueue,
          .output = {.element = input.element(), .layout = input.format.layout},
          .weight_bytes = 4 * running_mean_.nbytes()};
}

FoldedConv BatchNormOp::fold_into(const Tensor& conv_weight, const Tensor& conv_bias) const {
  const std::string key =
      fmt::format("bn {} {} {} {} {} {}", eps_, fmt::ptr(running_mean_.raw_data()),
                  fmt::ptr(running_var_.raw_data()), fmt::ptr(data_or_null(weight_)),
                  fmt::ptr(data_or_null(bias_)), fmt::ptr(data_or_null(conv_bias)));
  struct Shared {
    FoldedConv folded;
    BatchNormOp sources;  // keeps the addresses in the key from being used again
    Tensor conv_bias;
  };
  const auto shared = derived(conv_weight, key, [&] {
    return std::make_shared<const Shared>(Shared{fold(conv_weight, conv_bias), *this, conv_bias});
  });
  const FoldedConv& folded = static_cast<const Shared*>(shared.get())->folded;
  return {folded.weight, folded.bias, shared};
}

FoldedConv BatchNormOp::fold(const Tensor& conv_weight, const Tensor& conv_bias) const {
  Tensor weight = conv_weight.clone();
  Tensor bias = Tensor::zeros(Shape{channels()});
  const std::int64_t per_channel = weight.numel() / channels();
  float* w = weight.mutable_data<float>();
  float* b = bias.mutable_data<float>();
  for (std::int64_t k = 0; k < channels(); ++k) {
    const double gamma = weight_.defined() ? weight_.data<float>()[k] : 1.0;
    const double beta = bias_.defined() ? bias_.data<float>()[k] : 0.0;
    const double scale = gamma / std::sqrt(double{running_var_.data<float>()[k]} + eps_);
    const double before = conv_bias.defined() ? conv_bias.data<float>()[k] : 0.0;
    b[k] = static_cast<float>((before - double{running_mean_.data<float>()[k]}) * scale + beta);
    for (std::int64_t i = 0; i < per_channel; ++i) {
      float& value = w[k * per_channel + i];
      value = static_cast<float>(double{value} * scale);
    }
  }
  return {weight, bias, nullptr};
}

}  // namespace lamina::nn::detail
