// Normalisation by running statistics: torch.nn.BatchNorm1d and BatchNorm2d.
#pragma once

#include <lamina/nn/module.h>

#include <optional>

namespace lamina::nn {

struct BatchNormOptions {
  std::int64_t num_features = 0;
  double eps = 1e-5;
  std::optional<double> momentum = 0.1;  ///< kept for PyTorch's sake; inference does not use it
  bool affine = true;
  bool track_running_stats = true;
};

/// In eval mode (x - running_mean) / sqrt(running_var + eps) * weight + bias for each channel. In
/// train mode, or without running statistics, the batch's own mean and biased variance are used;
/// the running statistics are never changed, since forward() is const: this library does not train.
/// Parameters: weight, bias [num_features]. Buffers: running_mean, running_var [num_features],
/// num_batches_tracked (i64, rank 0).
class LAMINA_API BatchNorm : public Module {
 public:
  Tensor forward(const Tensor& input) const override;
  std::string type_name() const override;
  std::string extra_repr() const override;
  LayerSpec spec() const override;
  void lower(detail::PlanBuilder& builder) const override;

  const BatchNormOptions& options() const noexcept { return options_; }

 protected:
  BatchNorm(const BatchNormOptions& options, int dimensions);

 private:
  BatchNormOptions options_;
  int dimensions_;
};

/// Shapes: [n, c] or [n, c, l].
class LAMINA_API BatchNorm1d : public BatchNorm {
 public:
  explicit BatchNorm1d(const BatchNormOptions& options) : BatchNorm(options, 1) {}
};

/// Shapes: [n, c, h, w].
class LAMINA_API BatchNorm2d : public BatchNorm {
 public:
  explicit BatchNorm2d(const BatchNormOptions& options) : BatchNorm(options, 2) {}
};

}  // namespace lamina::nn
