#include "nn/session/cuda/weights.h"

#include "core/derived.h"

#include <fmt/format.h>

#include <algorithm>

namespace lamina::nn::detail {
namespace {

namespace cuda = kernels::cuda;

// Enough to keep the copies busy, little enough not to show beside the weights.
constexpr std::int64_t kSliceBytes = std::int64_t{8} << 20;

CudaMemory shared_memory(const Tensor& source, const std::string& key, std::int64_t size_bytes,
                         const CudaContext& context,
                         const std::function<void(cuda::DeviceMemory&)>& fill) {
  const auto memory = derived(source, key, [&] {
    auto made = std::make_shared<cuda::DeviceMemory>(size_bytes);
    fill(*made);
    // Another session may find it at once and read it on a stream of its own.
    context.stream->synchronize();
    return std::shared_ptr<const void>(std::move(made));
  });
  return std::static_pointer_cast<const cuda::DeviceMemory>(memory);
}

// Whether packing would only copy.
bool lies_packed(const cuda::Conv2dProblem& problem) {
  const auto& conv = problem.conv;
  return cuda::element_of(problem.precision) == cuda::Element::f32 &&
         problem.stored() == conv.c_in && conv.kh * conv.kw == 1;
}

// Rows of output channels are packed alike whatever their number.
void upload_in_slices(const cuda::Conv2dProblem& problem, const cuda::Conv2dPlan& plan,
                      const Tensor& weight, cuda::DeviceMemory& target, cuda::Stream& stream) {
  const std::int64_t rows = problem.conv.c_out;
  const std::int64_t row_bytes = plan.packed_weight_bytes / rows;
  const std::int64_t row_values = weight.numel() / rows;
  const std::int64_t slice = std::clamp<std::int64_t>(kSliceBytes / row_bytes, 1, rows);
  Tensor packed = Tensor::empty(Shape{slice * row_bytes}, DType::u8);
  for (std::int64_t row = 0; row < rows; row += slice) {
    cuda::Conv2dProblem part = problem;
    part.conv.c_out = std::min(slice, rows - row);
    cuda::pack_conv2d_weight(part, plan, weight.data<float>() + row * row_values,
                             packed.mutable_raw_data());
    cuda::upload(target.as<std::byte>() + row * row_bytes, packed.raw_data(),
                 part.conv.c_out * row_bytes, stream);
  }
}

}  // namespace

CudaMemory upload_f32(const CudaContext& context, const Tensor& tensor) {
  if (!tensor.defined()) return nullptr;
  return shared_memory(tensor, fmt::format("cuda:{} f32", context.device), tensor.nbytes(), context,
                       [&](cuda::DeviceMemory& target) {
                         cuda::upload(target.data(), tensor.raw_data(), tensor.nbytes(),
                                      *context.stream);
                       });
}

CudaMemory upload_packed(const CudaContext& context, const cuda::Conv2dProblem& problem,
                         const Tensor& weight) {
  if (lies_packed(problem)) return upload_f32(context, weight);
  const cuda::Conv2dPlan plan = cuda::plan_conv2d(problem, context.properties);
  const std::string key =
      fmt::format("cuda:{} conv2d {} groups={} stored={} {}x{}", context.device,
                  static_cast<int>(cuda::element_of(problem.precision)), problem.conv.groups,
                  problem.stored(), problem.conv.kh, problem.conv.kw);
  return shared_memory(weight, key, plan.packed_weight_bytes, context,
                       [&](cuda::DeviceMemory& target) {
                         upload_in_slices(problem, plan, weight, target, *context.stream);
                       });
}

Tensor fp8_weight_scales(const Tensor& weight) {
  const auto scales = derived(weight, "fp8 scales", [&] {
    const std::int64_t rows = weight.size(0), count = weight.numel() / rows;
    Tensor made = Tensor::empty(Shape{rows});
    for (std::int64_t row = 0; row < rows; ++row) {
      made.mutable_data<float>()[row] =
          cuda::fp8_weight_scale(weight.data<float>() + row * count, count);
    }
    return std::make_shared<const Tensor>(std::move(made));
  });
  return *std::static_pointer_cast<const Tensor>(scales);
}

}  // namespace lamina::nn::detail
