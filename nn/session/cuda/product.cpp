#include "nn/session/cuda/product.h"

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
bool wants_cublas(const cuda::Conv2dProblem& problem) {
  return problem.is_linear() && cuda::has_cublas() && asks_for("LAMINA_CUDA_LINEAR", "cublas");
}

CudaStep cublas_step(const CudaContext& context, const cuda::Conv2dProblem& problem,
                     const Tensor& weight, const Tensor& bias) {
  const CudaMemory packed = upload_packed(context, problem, weight);
  const CudaMemory device_bias = upload_f32(context, bias);
  const auto cublas = std::make_shared<cuda::Cublas>();
  const std::int64_t rows_per_image = problem.conv.n / context.max_batch;
  const cuda::Element element =
      problem.f32_output ? cuda::Element::f32 : cuda::element_of(problem.precision);
  const auto enqueue = [=](const CudaRun& run) {
    const auto& conv = problem.conv;
    const std::int64_t rows = run.n * rows_per_image;
    cublas->multiply(run.stream, problem.precision, rows, conv.c_out, conv.c_in, run.input,
                     packed->data(), run.output, problem.f32_output);
    cuda::add_bias(run.stream, element, rows, conv.c_out, f32_or_null(device_bias), conv.relu,
                   run.output);
  };
  return {.enqueue = enqueue,
          .output = {.element = element},
          .weight_bytes = packed->size_bytes(),
          .plan = "cublas"};
}

}  // namespace

CudaStep cuda_product(const CudaContext& context, const cuda::Conv2dProblem& wanted,
                      const Tensor& weight, const Tensor& bias) {
  if (wants_cublas(wanted)) return cublas_step(context, wanted, weight, bias);
  cuda::Conv2dProblem problem = wanted;
  problem.may_wgmma = context.may_wgmma;
  const cuda::Conv2dPlan full_plan = cuda::plan_conv2d(problem, context.properties);
  const CudaMemory packed = upload_packed(context, problem, weight);
  const CudaMemory device_bias = upload_f32(context, bias);
  const std::int64_t rows_per_image = problem.conv.n / context.max_batch;
  // Each batch size takes the plan that suits it; the results' bits do not depend on it.
  const auto enqueue = [=, device = context.properties](const CudaRun& run) {
    cuda::Conv2dProblem now = problem;
    now.conv.n = run.n * rows_per_image;
    cuda::conv2d_forward(run.stream, now, cuda::plan_conv2d(now, device),
                         {.input = run.input,
                          .weight = packed->data(),
                          .bias = f32_or_null(device_bias),
                          .output = run.output,
                          .workspace = run.workspace});
  };
  return {.enqueue = enqueue,
          .output = {.element = problem.f32_output ? cuda::Element::f32
                                                   : cuda::element_of(problem.precision),
                     .layout = problem.is_linear() ? kernels::Layout::nchw : kernels::Layout::nhwc},
          .workspace_bytes = largest_workspace(problem, context),
          .weight_bytes = packed->size_bytes() + (device_bias ? device_bias->size_bytes() : 0),
          .plan = cuda::to_string(problem, full_plan)};
}

}  // namespace lamina::nn::detail
