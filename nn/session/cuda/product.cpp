#include "nn/session/cuda/product.h"

#include "kernels/cuda/conv2d/conv2d_wgmma.h"
#include "kernels/cuda/cublas.h"
#include "nn/session/cuda/weights.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace lamina::nn::detail {
namespace {

namespace cuda = kernels::cuda;

// A smaller batch may be split where a larger one is not: the workspace is for the neediest.
std::int64_t largest_workspace(cuda::Conv2dProblem problem, const CudaContext& context) {
  const std::int64_t rows_per_image = problem.conv.n / context.max_batch;
  std::int64_t largest = 0;
  for (std::int64_t n = 1; n <= context.max_batch; ++n) {
    problem.conv.n = n * rows_per_image;
    largest = std::max(largest, cuda::plan_conv2d(problem, context.properties).workspace_bytes);
  }
  return largest;
}

bool asks_for(const char* variable, std::string_view wish) {
  const char* const value = std::getenv(variable);
  return value != nullptr && value == wish;
}

// cuBLAS is taken where the build has it and the user says so: it may give an image other bits in
// another batch.
bool wants_cublas(const CudaContext& context, const cuda::Conv2dProblem& problem) {
  return problem.is_linear() && context.precision != cuda::Precision::fp8 && cuda::has_cublas() &&
         asks_for("LAMINA_CUDA_LINEAR", "cublas");
}

CudaStep cublas_step(const CudaContext& context, const cuda::Conv2dProblem& problem,
                     const Tensor& weight, const Tensor& bias) {
  const CudaMemory packed = upload_packed(context, problem, weight);
  const CudaMemory device_bias = upload_f32(context, bias);
  const auto cublas = std::make_shared<cuda::Cublas>();
  const std::int64_t rows_per_image = problem.conv.n / context.max_batch;
  const cuda::Element element = problem.output_element();
  const auto enqueue = [=](const CudaRun& run) {
    const auto& conv = problem.conv;
    const std::int64_t rows = run.n * rows_per_image;
    cublas->multiply(run.stream, problem.precision, rows, conv.c_out, conv.c_in, run.input,
                     packed->data(), run.output, element == cuda::Element::f32);
    cuda::add_bias(run.stream, element, rows, conv.c_out, f32_or_null(device_bias), conv.relu,
                   run.output);
  };
  return {.enqueue = enqueue,
          .output = {.element = element},
          .weight_bytes = packed->size_bytes(),
          .plan = "cublas"};
}

bool may_write(const CudaContext& context, cuda::Conv2dProblem& problem, cuda::Element element) {
  problem.output = element;
  if (problem.may_wgmma && cuda::wgmma_is_legal(problem, context.properties)) return true;
  return problem.precision != cuda::Precision::fp8 &&
         (element == cuda::Element::f32 || element == cuda::element_of(problem.precision));
}

// In fp8 what cannot be that is bf16.
cuda::Precision precision_of(const CudaContext& context, cuda::Element input) {
  if (context.precision != cuda::Precision::fp8) return context.precision;
  return input == cuda::Element::e4m3 ? cuda::Precision::fp8 : cuda::Precision::bf16;
}

cuda::Conv2dProblem problem_of(const CudaContext& context, const CudaValue& input,
                               const kernels::Conv2dProblem& conv) {
  cuda::Conv2dProblem problem{.conv = conv,
                              .precision = precision_of(context, input.element()),
                              .c_in_stored = input.format.c_stored,
                              .may_wgmma = context.may_wgmma};
  if (may_write(context, problem, input.result.element)) return problem;
  problem.output = problem.precision == cuda::Precision::fp8 ? cuda::Element::bf16
                                                             : cuda::element_of(problem.precision);
  return problem;
}

// What stands behind a sum: its channel's factor, null where all are 1, and its bias.
struct Channels {
  CudaMemory scale, bias;
  std::int64_t size_bytes() const {
    return (scale ? scale->size_bytes() : 0) + (bias ? bias->size_bytes() : 0);
  }
};

Channels channels_of(const CudaContext& context, const CudaValue& input,
                     const cuda::Conv2dProblem& problem, const Tensor& weight, const Tensor& bias) {
  const bool from_e4m3 = problem.precision == cuda::Precision::fp8;
  const bool to_e4m3 = problem.output_element() == cuda::Element::e4m3;
  if (!from_e4m3 && !to_e4m3) return {nullptr, upload_f32(context, bias)};
  const float output_scale = to_e4m3 ? input.result.scale : 1;
  const std::int64_t c_out = problem.conv.c_out;
  Tensor scale = Tensor::full(Shape{c_out}, input.format.scale / output_scale);
  if (from_e4m3) {
    const Tensor weight_scale = fp8_weight_scales(weight);
    for (std::int64_t c = 0; c < c_out; ++c) {
      scale.mutable_data<float>()[c] *= weight_scale.data<float>()[c];
    }
  }
  Tensor scaled_bias = bias;
  if (bias.defined()) {
    scaled_bias = bias.clone();
    for (std::int64_t c = 0; c < c_out; ++c) scaled_bias.mutable_data<float>()[c] /= output_scale;
  }
  return {upload_f32(context, scale), upload_f32(context, scaled_bias)};
}

}  // namespace

bool cuda_product_takes_e4m3(const CudaContext& context, const kernels::Conv2dProblem& conv) {
  const cuda::Conv2dProblem problem{
      .conv = conv, .precision = cuda::Precision::fp8, .output = cuda::Element::bf16};
  return cuda::wgmma_is_legal(problem, context.properties);
}

CudaStep cuda_product(const CudaContext& context, const CudaValue& input,
                      const kernels::Conv2dProblem& conv, const Tensor& weight,
                      const Tensor& bias) {
  const cuda::Conv2dProblem problem = problem_of(context, input, conv);
  if (wants_cublas(context, problem)) return cublas_step(context, problem, weight, bias);
  const cuda::Conv2dPlan full_plan = cuda::plan_conv2d(problem, context.properties);
  const CudaMemory packed = upload_packed(context, problem, weight);
  const Channels channels = channels_of(context, input, problem, weight, bias);
  const std::int64_t rows_per_image = problem.conv.n / context.max_batch;
  // Each batch size takes the plan that suits it; the results' bits do not depend on it.
  const auto enqueue = [=, device = context.properties](const CudaRun& run) {
    cuda::Conv2dProblem now = problem;
    now.conv.n = run.n * rows_per_image;
    cuda::conv2d_forward(run.stream, now, cuda::plan_conv2d(now, device),
                         {.input = run.input,
                          .weight = packed->data(),
                          .bias = f32_or_null(channels.bias),
                          .output = run.output,
                          .workspace = run.workspace,
                          .scale = f32_or_null(channels.scale)});
  };
  const cuda::Element written = problem.output_element();
  return {.enqueue = enqueue,
          .output = {.element = written,
                     .layout = problem.is_linear() ? kernels::Layout::nchw : kernels::Layout::nhwc,
                     .scale = written == cuda::Element::e4m3 ? input.result.scale : 1},
          .workspace_bytes = largest_workspace(problem, context),
          .weight_bytes = packed->size_bytes() + channels.size_bytes(),
          .plan = cuda::to_string(problem, full_plan)};
}

}  // namespace lamina::nn::detail
