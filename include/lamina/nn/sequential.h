// Modules one after another, named "0", "1", … or by the caller: torch.nn.Sequential.
#pragma once

#include <lamina/nn/module.h>

#include <initializer_list>

namespace lamina::nn {

class LAMINA_API Sequential : public Module {
 public:
  Sequential() = default;
  explicit Sequential(std::vector<std::shared_ptr<Module>> modules);
  explicit Sequential(Named<std::shared_ptr<Module>> modules);

  /// Appends under the next number. Returns *this, so that calls chain.
  Sequential& add(std::shared_ptr<Module> module);
  Sequential& add(std::string name, std::shared_ptr<Module> module);

  std::size_t size() const noexcept { return named_children().size(); }
  const Module& operator[](std::size_t index) const { return *named_children().at(index).second; }

  using Module::operator();
  Tensor forward(const Tensor& input) const override;
  std::string type_name() const override { return "Sequential"; }
  void lower(detail::PlanBuilder& builder) const override;
};

}  // namespace lamina::nn
