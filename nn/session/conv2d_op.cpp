#include "nn/session/conv2d_op.h"

#include "core/derived.h"
#include "core/require.h"
#include "kernels/gradients.h"
#include "nn/input.h"
#include "nn/session/batch_norm_op.h"
#include "nn/session/cuda/product.h"
#include "nn/session/relu_op.h"

#include <new>

namespace lamina::nn::detail {
namespace {

std::shared_ptr<const void> pack(const kernels::Conv2dProblem& problem,
                                 const kernels::Conv2dPlan& plan, const Tensor& weight,
                                 kernels::Exec exec) {
  Tensor packed = Tensor::empty(Shape{plan.packed_weight_bytes}, DType::u8);
  kernels::pack_conv2d_weight(problem, plan, weight.data<float>(), packed.mutable_raw_data(), exec);
  return std::make_shared<const Tensor>(std::move(packed));
}

}  // namespace

kernels::Conv2dProblem conv2d_problem(const Conv2dOptions& o, const Shape& input) {
  LAMINA_REQUIRE(input.rank() == 4, "[conv2d] input has rank {}, expected [n, {}, h, w] (input {})",
                 input.rank(), o.in_channels, input);
  const Shape weight{o.out_channels, o.in_channels / o.groups, o.kernel_size.h, o.kernel_size.w};
  LAMINA_REQUIRE(input[1] == o.in_channels,
                 "[conv2d] input has {} channels, weight expects {} (input {}, weight {})",
                 input[1], o.in_channels, input, weight);
  const kernels::Conv2dProblem problem{.n = input[0],
                                       .c_in = o.in_channels,
                                       .h = input[2],
                                       .w = input[3],
                                       .c_out = o.out_channels,
                                       .kh = o.kernel_size.h,
                                       .kw = o.kernel_size.w,
                                       .stride_h = o.stride.h,
                                       .stride_w = o.stride.w,
                                       .pad_h = o.padding.h,
                                       .pad_w = o.padding.w,
                                       .dilation_h = o.dilation.h,
                                       .dilation_w = o.dilation.w,
                                       .groups = o.groups};
  const bool fits = input[2] + 2 * o.padding.h > o.dilation.h * (o.kernel_size.h - 1) &&
                    input[3] + 2 * o.padding.w > o.dilation.w * (o.kernel_size.w - 1);
  LAMINA_REQUIRE(fits, "[conv2d] input {} with padding {} is smaller than the kernel (weight {})",
                 input, to_pair_string(o.padding), weight);
  return problem;
}

Conv2dOp::Conv2dOp(const Conv2dOptions& options, Tensor weight, Tensor bias)
    : options_(options), weight_(f32_weight(weight)), bias_(f32_weight(bias)) {}

std::string Conv2dOp::what() const {
  return std::string("conv2d") + (batch_norm_ ? "+bn" : "") + (relu_ ? "+relu" : "") +
         (max_pool_ ? "+max_pool2d" : "");
}

Shape Conv2dOp::output_shape(const Shape& input) const {
  const Shape convolved = conv_shape(input);
  return max_pool_ ? max_pool_->output_shape(convolved) : convolved;
}

Shape Conv2dOp::conv_shape(const Shape& input) const {
  const auto problem = conv2d_problem(options_, input);
  return {problem.n, problem.c_out, problem.oh(), problem.ow()};
}

bool Conv2dOp::absorb(const Op& next) {
  const auto* pool = dynamic_cast<const MaxPool2dOp*>(&next);
  if (pool != nullptr && !max_pool_ && pool->is_plain_2x2()) {
    max_pool_ = *pool;
    return true;
  }
  if (relu_) return false;
  // The larger of two is the same one before ReLU and behind it.
  if (dynamic_cast<const ReluOp*>(&next) != nullptr) return relu_ = true;
  if (max_pool_) return false;
  const auto* norm = dynamic_cast<const BatchNormOp*>(&next);
  if (norm == nullptr || norm->channels() != options_.out_channels) return false;
  const FoldedConv folded = norm->fold_into(weight_, bias_);
  weight_ = folded.weight;
  bias_ = folded.bias;
  folded_ = folded.shared;
  return batch_norm_ = true;
}

kernels::Conv2dProblem Conv2dOp::fused_problem(const Shape& input, kernels::Layout layout) const {
  auto problem = conv2d_problem(options_, input);
  problem.relu = relu_;
  problem.max_pool_2x2 = max_pool_.has_value();
  problem.layout = layout;
  return problem;
}

std::int64_t Conv2dOp::macs(const Shape& input) const {
  return conv_shape(input).numel() * weight_.numel() / options_.out_channels;
}

void Conv2dOp::prepare(const PrepareContext& context, const Shape& input, kernels::Layout layout) {
  auto problem = fused_problem(input, layout);
  problem.may_round_to_16_bits = context.precision == "bf16" || context.precision == "int8";
  problem.may_round_to_bf16 = context.precision == "bf16";
  plan_ = context.plain_sums ? kernels::plan_conv2d_as(kernels::Conv2dAlgo::indirect_gemm, problem,
                                                       context.features, context.threads)
                             : kernels::plan_conv2d(problem, context.features, context.threads);
  // Sessions of one model share what is packed alike. Everything that pack reads is in the key.
  // Fixed point has room for more than bfloat16's digits.
  const bool rounded = context.precision == "bf16" && !is_fixed_point(plan_.algo);
  const std::string key =
      fmt::format("conv2d {} {}{} groups={}", kernels::to_string(plan_), plan_.packed_weight_bytes,
                  rounded ? " bf16" : "", options_.groups);
  packed_ = derived(weight_, key, [&] {
    // Products of bf16 weights are float32 ones: U needs more digits than the weights have.
    const Tensor weight = rounded ? weight_.to(DType::bf16).to(DType::f32) : weight_;
    return pack(problem, plan_, weight, {.threads = context.threads});
  });
}

void Conv2dOp::input_gradient(const GradientContext& context) const {
  kernels::conv2d_gradient(conv2d_problem(options_, context.input_shape), context.output_gradient,
                           weight_.data<float>(), context.input_gradient, context.exec);
}

CudaStep Conv2dOp::on_cuda(const CudaContext& context, const CudaValue& input) const {
  return cuda_product(context, input, fused_problem(input.shape, kernels::Layout::nhwc), weight_,
                      bias_);
}

bool Conv2dOp::takes_e4m3(const CudaContext& context, const Shape& input) const {
  return cuda_product_takes_e4m3(context, fused_problem(input, kernels::Layout::nhwc));
}

void Conv2dOp::run(const RunContext& context) const {
  const auto problem = fused_problem(context.input_shape, context.layout);
  const auto& packed = *static_cast<const Tensor*>(packed_.get());
  kernels::conv2d_forward(problem, plan_,
                          {.input = context.input,
                           .weight = packed.raw_data(),
                           .bias = data_or_null(bias_),
                           .output = context.output,
                           .workspace = context.workspace,
                           .input_range = context.input_range},
                          context.exec);
}

}  // namespace lamina::nn::detail
