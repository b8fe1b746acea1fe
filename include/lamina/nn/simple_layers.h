// Layers without weights: ReLU, Softmax, Dropout, Flatten, Identity.
#pragma once

#include <lamina/nn/module.h>

#include <atomic>
#include <optional>

namespace lamina::nn {

struct ReLUOptions {
  bool inplace = false;  ///< printed as PyTorch prints it; the input is never written to
};

class LAMINA_API ReLU : public Module {
 public:
  explicit ReLU(const ReLUOptions& options = {});
  Tensor forward(const Tensor& input) const override;
  std::string type_name() const override { return "ReLU"; }
  std::string extra_repr() const override;
  LayerSpec spec() const override;
  void lower(detail::PlanBuilder& builder) const override;

 private:
  ReLUOptions options_;
};

/// exp(x) / sum exp(x) along one axis.
class LAMINA_API Softmax : public Module {
 public:
  explicit Softmax(std::optional<std::int64_t> dim = std::nullopt);
  Tensor forward(const Tensor& input) const override;
  std::string type_name() const override { return "Softmax"; }
  std::string extra_repr() const override;
  LayerSpec spec() const override;
  void lower(detail::PlanBuilder& builder) const override;

 private:
  std::optional<std::int64_t> dim_;
};

struct DropoutOptions {
  double p = 0.5;
  bool inplace = false;    ///< printed only
  std::uint64_t seed = 0;  ///< of the masks that train mode draws
};

/// In eval mode the input itself. In train mode each element becomes 0 with probability p and the
/// others are scaled by 1/(1-p). Each call draws a new mask; the sequence of masks is fixed by the
/// seed, the same on every machine, and not PyTorch's.
class LAMINA_API Dropout : public Module {
 public:
  explicit Dropout(const DropoutOptions& options = {});
  Tensor forward(const Tensor& input) const override;
  std::string type_name() const override { return "Dropout"; }
  std::string extra_repr() const override;
  LayerSpec spec() const override;
  void lower(detail::PlanBuilder& builder) const override;

 private:
  DropoutOptions options_;
  mutable std::atomic<std::uint64_t> calls_{0};
};

/// Joins the axes start_dim to end_dim.
class LAMINA_API Flatten : public Module {
 public:
  explicit Flatten(std::int64_t start_dim = 1, std::int64_t end_dim = -1);
  Tensor forward(const Tensor& input) const override;
  std::string type_name() const override { return "Flatten"; }
  std::string extra_repr() const override;
  LayerSpec spec() const override;
  void lower(detail::PlanBuilder& builder) const override;

 private:
  std::int64_t start_dim_, end_dim_;
};

class LAMINA_API Identity : public Module {
 public:
  Tensor forward(const Tensor& input) const override { return input; }
  std::string type_name() const override { return "Identity"; }
  void lower(detail::PlanBuilder& builder) const override;
};

}  // namespace lamina::nn
