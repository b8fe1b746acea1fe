#include <lamina/nn/batch_norm.h>

#include "core/require.h"
#include "nn/factories.h"
#include "nn/input.h"
#include "nn/repr.h"
#include "nn/session/batch_norm_op.h"
#include "nn/session/plan_builder.h"
#include "nn/session/run_alone.h"

namespace lamina::nn {
namespace {

struct Statistics {
  Tensor mean, var;
};

// Mean and biased variance of each channel over batch and positions, in double.
Statistics batch_statistics(const Tensor& input, std::int64_t channels) {
  const std::int64_t n = input.size(0);
  const std::int64_t spatial = n > 0 ? input.numel() / n / channels : 0;
  LAMINA_REQUIRE(n * spatial > 1,
                 "[batch_norm] train mode needs more than one value a channel (input {})",
                 input.shape());
  Statistics result{Tensor::zeros(Shape{channels}), Tensor::zeros(Shape{channels})};
  const float* x = input.data<float>();
  const double count = static_cast<double>(n * spatial);
  for (std::int64_t c = 0; c < channels; ++c) {
    double sum = 0, square_sum = 0;
    for (std::int64_t b = 0; b < n; ++b) {
      const float* row = x + (b * channels + c) * spatial;
      for (std::int64_t i = 0; i < spatial; ++i) sum += row[i];
    }
    const double mean = sum / count;
    for (std::int64_t b = 0; b < n; ++b) {
      const float* row = x + (b * channels + c) * spatial;
      for (std::int64_t i = 0; i < spatial; ++i) square_sum += (row[i] - mean) * (row[i] - mean);
    }
    result.mean.mutable_data<float>()[c] = static_cast<float>(mean);
    result.var.mutable_data<float>()[c] = static_cast<float>(square_sum / count);
  }
  return result;
}

BatchNormOptions options_from(const LayerSpec& spec) {
  const ArgValue* momentum = spec.find_arg("momentum");
  const bool none = momentum != nullptr && std::holds_alternative<std::monostate>(*momentum);
  return {.num_features = arg_int(spec, "num_features"),
          .eps = arg_double(spec, "eps", 1e-5),
          .momentum = none ? std::nullopt : std::optional(arg_double(spec, "momentum", 0.1)),
          .affine = arg_bool(spec, "affine", true),
          .track_running_stats = arg_bool(spec, "track_running_stats", true)};
}

}  // namespace

BatchNorm::BatchNorm(const BatchNormOptions& options, int dimensions)
    : options_(options), dimensions_(dimensions) {
  LAMINA_REQUIRE(options.num_features >= 1, "[batch_norm] num_features={}", options.num_features);
  LAMINA_REQUIRE(options.eps >= 0, "[batch_norm] eps={}", options.eps);
  const Shape channels{options.num_features};
  register_parameter("weight", options.affine ? Tensor::full(channels, 1.0f) : Tensor());
  register_parameter("bias", options.affine ? Tensor::zeros(channels) : Tensor());
  if (!options.track_running_stats) return;
  register_buffer("running_mean", Tensor::zeros(channels));
  register_buffer("running_var", Tensor::full(channels, 1.0f));
  register_buffer("num_batches_tracked", Tensor::zeros(Shape{}, DType::i64));
}

Tensor BatchNorm::forward(const Tensor& given) const {
  const Tensor input = f32_input("batch_norm", given);
  detail::check_batch_norm_input(input.shape(), options_.num_features, dimensions_);
  const bool running = options_.track_running_stats && !training();
  const Statistics statistics = running ? Statistics{buffer("running_mean"), buffer("running_var")}
                                        : batch_statistics(input, options_.num_features);
  detail::BatchNormOp op(options_.eps, statistics.mean, statistics.var, parameter("weight"),
                         parameter("bias"), dimensions_);
  return detail::run_alone(op, input);
}

void BatchNorm::lower(detail::PlanBuilder& builder) const {
  if (!options_.track_running_stats) {  // its statistics are the input's: nothing to fold
    Module::lower(builder);
    return;
  }
  builder.add(std::make_unique<detail::BatchNormOp>(options_.eps, buffer("running_mean"),
                                                    buffer("running_var"), parameter("weight"),
                                                    parameter("bias"), dimensions_));
}

std::string BatchNorm::type_name() const { return fmt::format("BatchNorm{}d", dimensions_); }

std::string BatchNorm::extra_repr() const {
  // PyTorch 2.15 prints bias, which its BatchNorm gained as an argument of its own.
  return fmt::format("{}, eps={}, momentum={}, affine={}, bias={}, track_running_stats={}",
                     options_.num_features, python_repr(options_.eps),
                     options_.momentum ? python_repr(*options_.momentum) : "None",
                     python_repr(options_.affine), python_repr(options_.affine),
                     python_repr(options_.track_running_stats));
}

LayerSpec BatchNorm::spec() const {
  return {.type = type_name(),
          .args = {{"num_features", options_.num_features},
                   {"eps", options_.eps},
                   {"momentum",
                    options_.momentum ? ArgValue(*options_.momentum) : ArgValue(std::monostate{})},
                   {"affine", options_.affine},
                   {"track_running_stats", options_.track_running_stats}},
          .children = {}};
}

std::shared_ptr<Module> make_batch_norm1d(const LayerSpec& spec, const LayerRegistry&) {
  return std::make_shared<BatchNorm1d>(options_from(spec));
}

std::shared_ptr<Module> make_batch_norm2d(const LayerSpec& spec, const LayerRegistry&) {
  return std::make_shared<BatchNorm2d>(options_from(spec));
}

}  // namespace lamina::nn
