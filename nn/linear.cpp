#include <lamina/nn/linear.h>

#include "core/require.h"
#include "nn/factories.h"
#include "nn/repr.h"
#include "nn/session/linear_op.h"
#include "nn/session/plan_builder.h"
#include "nn/session/run_alone.h"

namespace lamina::nn {

Linear::Linear(const LinearOptions& options) : options_(options) {
  LAMINA_REQUIRE(options.in_features >= 1 && options.out_features >= 1,
                 "[linear] {} input and {} output features; at least 1 of each",
                 options.in_features, options.out_features);
  register_parameter("weight", Tensor::zeros({options.out_features, options.in_features}));
  register_parameter("bias", options.bias ? Tensor::zeros(Shape{options.out_features}) : Tensor());
}

Tensor Linear::forward(const Tensor& input) const {
  detail::LinearOp op(parameter("weight"), parameter("bias"));
  return detail::run_alone(op, input);
}

void Linear::lower(detail::PlanBuilder& builder) const {
  builder.add(std::make_unique<detail::LinearOp>(parameter("weight"), parameter("bias")));
}

std::string Linear::extra_repr() const {
  return fmt::format("in_features={}, out_features={}, bias={}", options_.in_features,
                     options_.out_features, python_repr(options_.bias));
}

LayerSpec Linear::spec() const {
  return {.type = type_name(),
          .args = {{"in_features", options_.in_features},
                   {"out_features", options_.out_features},
                   {"bias", options_.bias}},
          .children = {}};
}

std::shared_ptr<Module> make_linear(const LayerSpec& spec, const LayerRegistry&) {
  return std::make_shared<Linear>(LinearOptions{.in_features = arg_int(spec, "in_features"),
                                                .out_features = arg_int(spec, "out_features"),
                                                .bias = arg_bool(spec, "bias", true)});
}

}  // namespace lamina::nn
