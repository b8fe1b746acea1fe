#include <lamina/nn/simple_layers.h>

#include <lamina/core/threads.h>

#include "core/require.h"
#include "kernels/elementwise.h"
#include "nn/factories.h"
#include "nn/input.h"
#include "nn/repr.h"
#include "nn/session/flatten_op.h"
#include "nn/session/plan_builder.h"
#include "nn/session/relu_op.h"
#include "nn/session/run_alone.h"
#include "nn/session/softmax_op.h"

namespace lamina::nn {

ReLU::ReLU(const ReLUOptions& options) : options_(options) {}

Tensor ReLU::forward(const Tensor& input) const {
  detail::ReluOp op;
  return detail::run_alone(op, input);
}

void ReLU::lower(detail::PlanBuilder& builder) const {
  builder.add(std::make_unique<detail::ReluOp>());
}

std::string ReLU::extra_repr() const { return options_.inplace ? "inplace=True" : ""; }

LayerSpec ReLU::spec() const {
  return {.type = type_name(), .args = {{"inplace", options_.inplace}}, .children = {}};
}

std::shared_ptr<Module> make_relu(const LayerSpec& spec, const LayerRegistry&) {
  return std::make_shared<ReLU>(ReLUOptions{.inplace = arg_bool(spec, "inplace", false)});
}

Softmax::Softmax(std::optional<std::int64_t> dim) : dim_(dim) {}

namespace {

// PyTorch's choice where no dim was given: 0 for ranks 0, 1 and 3, else 1.
std::int64_t softmax_dim(const std::optional<std::int64_t>& dim, int rank) {
  return dim.value_or(rank == 0 || rank == 1 || rank == 3 ? 0 : 1);
}

}  // namespace

Tensor Softmax::forward(const Tensor& input) const {
  detail::SoftmaxOp op(softmax_dim(dim_, input.rank()));
  return detail::run_alone(op, input);
}

void Softmax::lower(detail::PlanBuilder& builder) const {
  if (!dim_) {  // depends on the rank, which is known only when it runs
    Module::lower(builder);
    return;
  }
  builder.add(std::make_unique<detail::SoftmaxOp>(*dim_));
}

std::string Softmax::extra_repr() const { return dim_ ? fmt::format("dim={}", *dim_) : "dim=None"; }

LayerSpec Softmax::spec() const {
  return {.type = type_name(),
          .args = {{"dim", dim_ ? ArgValue(*dim_) : ArgValue(std::monostate{})}},
          .children = {}};
}

std::shared_ptr<Module> make_softmax(const LayerSpec& spec, const LayerRegistry&) {
  const ArgValue* dim = spec.find_arg("dim");
  const bool none = dim == nullptr || std::holds_alternative<std::monostate>(*dim);
  return std::make_shared<Softmax>(none ? std::nullopt : std::optional(arg_int(spec, "dim")));
}

Dropout::Dropout(const DropoutOptions& options) : options_(options) {
  LAMINA_REQUIRE(options.p >= 0 && options.p <= 1, "[dropout] p={} is not a probability",
                 options.p);
}

Tensor Dropout::forward(const Tensor& given) const {
  if (!training()) return given;
  const Tensor input = f32_input("dropout", given);
  Tensor output = Tensor::empty(input.shape());
  // Each call's masks are those of another seed, an odd multiple away, so that no two calls of two
  // seeds that a person would choose meet.
  constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15;
  const std::uint64_t seed = options_.seed + kStep * calls_.fetch_add(1, std::memory_order_relaxed);
  kernels::dropout_forward(input.data<float>(), output.mutable_data<float>(), input.numel(),
                           static_cast<float>(options_.p), seed, {.threads = available_threads()});
  return output;
}

// In eval mode, the only one a session runs in, nothing happens: no step.
void Dropout::lower(detail::PlanBuilder&) const {}

std::string Dropout::extra_repr() const {
  return fmt::format("p={}, inplace={}", python_repr(options_.p), python_repr(options_.inplace));
}

LayerSpec Dropout::spec() const {
  return {.type = type_name(),
          .args = {{"p", options_.p}, {"inplace", options_.inplace}},
          .children = {}};
}

std::shared_ptr<Module> make_dropout(const LayerSpec& spec, const LayerRegistry&) {
  return std::make_shared<Dropout>(
      DropoutOptions{.p = arg_double(spec, "p", 0.5), .inplace = arg_bool(spec, "inplace", false)});
}

Flatten::Flatten(std::int64_t start_dim, std::int64_t end_dim)
    : start_dim_(start_dim), end_dim_(end_dim) {}

Tensor Flatten::forward(const Tensor& input) const {
  return input.reshape(detail::flatten_shape(input.shape(), start_dim_, end_dim_));
}

void Flatten::lower(detail::PlanBuilder& builder) const {
  builder.add(std::make_unique<detail::FlattenOp>(start_dim_, end_dim_));
}

std::string Flatten::extra_repr() const {
  return fmt::format("start_dim={}, end_dim={}", start_dim_, end_dim_);
}

LayerSpec Flatten::spec() const {
  return {.type = type_name(),
          .args = {{"start_dim", start_dim_}, {"end_dim", end_dim_}},
          .children = {}};
}

std::shared_ptr<Module> make_flatten(const LayerSpec& spec, const LayerRegistry&) {
  return std::make_shared<Flatten>(arg_int(spec, "start_dim", 1), arg_int(spec, "end_dim", -1));
}

void Identity::lower(detail::PlanBuilder&) const {}

std::shared_ptr<Module> make_identity(const LayerSpec&, const LayerRegistry&) {
  return std::make_shared<Identity>();
}

}  // namespace lamina::nn
