#include "nn/session/linear_op.h"

#include "core/derived.h"
#include "core/require.h"
#include "core/storage.h"
#include "kernels/gradients.h"
#include "nn/input.h"
#include "nn/session/cuda/product.h"
#include "nn/session/relu_op.h"

#include <algorithm>

namespace lamina::nn::detail {

Shape linear_output_shape(const Shape& input, std::int64_t in_features, std::int64_t out_features) {
  LAMINA_REQUIRE(input.rank() >= 1 && input[-1] == in_features,
                 "[linear] input {} does not end in {} features (weight [{}, {}])", input,
                 in_features, out_features, in_features);
  return input.with(-1, out_features);
}

namespace {

// Bytes of a tensor that is contiguous.
void release(const Tensor& tensor, std::int64_t offset, std::int64_t size_bytes) {
  const auto* data = static_cast<const std::byte*>(tensor.raw_data());
  const auto* storage = static_cast<const std::byte*>(tensor.storage()->data());
  tensor.storage()->release(data - storage + offset, size_bytes);
}

}  // namespace

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
          .stored = stored_,
          .relu = relu_};
}

void LinearOp::prepare(const PrepareContext& context, const Shape& input, kernels::Layout) {
  using kernels::LinearWeight;
  stored_ = context.precision == "bf16"   ? LinearWeight::bf16
            : context.precision == "int8" ? LinearWeight::s8
                                          : LinearWeight::f32;
  const kernels::LinearProblem problem = problem_for(input);
  plan_ = kernels::plan_linear(problem, context.features);
  if (stored_ == LinearWeight::f32) return;
  packed_ =
      std::static_pointer_cast<const Packed>(derived(weight_, "linear " + context.precision, [&] {
        return std::make_shared<const Packed>(pack(context, problem));
      }));
}

LinearOp::Packed LinearOp::pack(const PrepareContext& context,
                                const kernels::LinearProblem& problem) const {
  const std::int64_t row_bytes = problem.in_features * kernels::size_of(problem.stored);
  Packed packed;
  packed.weight = Tensor::empty(Shape{problem.out_features * row_bytes}, DType::u8);
  float* scale = nullptr;
  if (problem.stored == kernels::LinearWeight::s8) {
    packed.scale = Tensor::empty(Shape{problem.out_features});
    scale = packed.scale.mutable_data<float>();
  }
  // A file's pages go as the copy grows, so that the two are never in memory at once.
  constexpr std::int64_t kStepBytes = 16 * 1024 * 1024;
  const std::int64_t source_row = problem.in_features * std::int64_t{sizeof(float)};
  const std::int64_t step =
      std::max<std::int64_t>(kStepBytes / std::max<std::int64_t>(source_row, 1), 1);
  for (std::int64_t row = 0; row < problem.out_features; row += step) {
    const std::int64_t end = std::min(row + step, problem.out_features);
    kernels::pack_linear_weight(problem, plan_, weight_.data<float>(), row, end,
                                packed.weight.mutable_raw_data(), scale,
                                {.threads = context.threads});
    release(weight_, row * source_row, (end - row) * source_row);
  }
  return packed;
}

double LinearOp::expected_flops() const { return 2 * static_cast<double>(weight_.numel()); }

double LinearOp::expected_bytes() const {
  return static_cast<double>(weight_.numel() * kernels::size_of(stored_));
}

std::int64_t LinearOp::Packed::bytes() const {
  return weight.nbytes() + (scale.defined() ? scale.nbytes() : 0);
}

std::string LinearOp::plan_text() const {
  if (plan_.reference) return "reference";
  const char* const stored = stored_ == kernels::LinearWeight::f32    ? ""
                             : stored_ == kernels::LinearWeight::bf16 ? " bf16"
                                                                      : " s8";
  return std::string("stream ") + to_string(plan_.isa) + stored;
}

kernels::Conv2dProblem LinearOp::conv_problem_for(const Shape& input) const {
  const kernels::LinearProblem linear = problem_for(input);
  return {.n = linear.n,
          .c_in = linear.in_features,
          .h = 1,
          .w = 1,
          .c_out = linear.out_features,
          .relu = relu_,
          .layout = kernels::Layout::nhwc};
}

void LinearOp::input_gradient(const GradientContext& context) const {
  kernels::linear_gradient(problem_for(context.input_shape), context.output_gradient,
                           weight_.data<float>(), context.input_gradient, context.exec);
}

CudaStep LinearOp::on_cuda(const CudaContext& context, const CudaValue& input) const {
  return cuda_product(context, input, conv_problem_for(input.shape), weight_, bias_);
}

bool LinearOp::takes_e4m3(const CudaContext& context, const Shape& input) const {
  return cuda_product_takes_e4m3(context, conv_problem_for(input));
}

void LinearOp::run(const RunContext& context) const {
  kernels::linear_forward(problem_for(context.input_shape), plan_,
                          {.input = context.input,
                           .weight = packed_ ? packed_->weight.raw_data() : weight_.raw_data(),
                           .bias = data_or_null(bias_),
                           .output = context.output,
                           .scale = packed_ ? data_or_null(packed_->scale) : nullptr},
                          context.exec);
}

}  // namespace lamina::nn::detail
