#include <lamina/nn/sequential.h>

#include "nn/factories.h"
#include "nn/session/plan_builder.h"

namespace lamina::nn {

Sequential::Sequential(std::vector<std::shared_ptr<Module>> modules) {
  for (auto& module : modules) add(std::move(module));
}

Sequential::Sequential(Named<std::shared_ptr<Module>> modules) {
  for (auto& [name, module] : modules) add(name, std::move(module));
}

Sequential& Sequential::add(std::shared_ptr<Module> module) {
  return add(std::to_string(size()), std::move(module));
}

Sequential& Sequential::add(std::string name, std::shared_ptr<Module> module) {
  register_module(std::move(name), std::move(module));
  return *this;
}

Tensor Sequential::forward(const Tensor& input) const {
  Tensor value = input;
  for (const auto& [name, module] : named_children()) value = (*module)(value);
  return value;
}

void Sequential::lower(detail::PlanBuilder& builder) const {
  for (const auto& [name, module] : named_children()) builder.child(name, *module);
}

std::shared_ptr<Module> make_sequential(const LayerSpec& spec, const LayerRegistry& registry) {
  auto result = std::make_shared<Sequential>();
  for (const auto& [name, child] : spec.children) result->add(name, registry.make(child, name));
  return result;
}

}  // namespace lamina::nn
