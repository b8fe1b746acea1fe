#include <lamina/nn/module.h>

#include "core/nearest.h"
#include "core/require.h"
#include "nn/session/opaque_op.h"
#include "nn/session/plan_builder.h"

#include <algorithm>

namespace lamina::nn {
namespace {

template <typename T>
auto* find_named(T& entries, std::string_view name) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [name](const auto& entry) { return entry.first == name; });
  return found == entries.end() ? nullptr : &found->second;
}

std::string joined(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

// Calls f(path, module) for the module and then its descendants, parents first, as PyTorch's
// named_modules().
template <typename M, typename F>
void visit_tree(M& module, const std::string& path, const F& f) {
  f(path, module);
  for (const auto& [name, child] : module.named_children()) {
    visit_tree<M>(*child, joined(path, name), f);
  }
}

void replace(Tensor* slot, const char* kind, const Module& module, std::string_view name,
             Tensor value) {
  LAMINA_REQUIRE(slot != nullptr, "[module] {} has no {} '{}'", module.type_name(), kind, name);
  LAMINA_REQUIRE(value.shape() == slot->shape() && value.dtype() == slot->dtype(),
                 "[module] {} '{}' of {} is {} {}, not {} {}", kind, name, module.type_name(),
                 to_string(slot->dtype()), slot->shape(), to_string(value.dtype()), value.shape());
  *slot = std::move(value);
}

}  // namespace

const ArgValue* LayerSpec::find_arg(std::string_view name) const { return find_named(args, name); }

Module::~Module() = default;

Tensor Module::operator()(const Tensor& input) const {
  Tensor output = forward(input);
  for (const auto& [id, hook] : hooks_) hook(*this, output);
  return output;
}

std::string Module::extra_repr() const { return {}; }

LayerSpec Module::spec() const {
  LayerSpec spec{.type = type_name(), .args = {}, .children = {}};
  for (const auto& [name, child] : children_) spec.children.push_back({name, child->spec()});
  return spec;
}

void Module::lower(detail::PlanBuilder& builder) const {
  builder.add(std::make_unique<detail::OpaqueOp>(*this));
}

Module::Named<Tensor> Module::named_parameters() const {
  Named<Tensor> result;
  visit_tree<const Module>(*this, "", [&](const std::string& path, const Module& module) {
    for (const auto& [name, value] : module.parameters_) {
      if (value.defined()) result.emplace_back(joined(path, name), value);
    }
  });
  return result;
}

Module::Named<Tensor> Module::named_buffers() const {
  Named<Tensor> result;
  visit_tree<const Module>(*this, "", [&](const std::string& path, const Module& module) {
    for (const auto& [name, value] : module.buffers_)
      result.emplace_back(joined(path, name), value);
  });
  return result;
}

Module::Named<const Module*> Module::named_modules() const {
  Named<const Module*> result;
  visit_tree<const Module>(*this, "", [&](const std::string& path, const Module& module) {
    result.emplace_back(path, &module);
  });
  return result;
}

const Module& Module::get_submodule(std::string_view path) const {
  std::vector<std::string> names;
  for (const auto& [name, module] : named_modules()) {
    if (name == path) return *module;
    if (!name.empty()) names.push_back(name);
  }
  const auto nearest = nearest_name(path, names);
  throw InvalidArgument(fmt::format("[module] {} has no layer '{}'", type_name(), path),
                        nearest ? fmt::format("did you mean '{}'?", *nearest)
                                : "print the model to see the names of its layers");
}

Module& Module::get_submodule(std::string_view path) {
  return const_cast<Module&>(std::as_const(*this).get_submodule(path));
}

const Tensor& Module::parameter(std::string_view name) const {
  const Tensor* found = find_named(parameters_, name);
  LAMINA_REQUIRE(found != nullptr, "[module] {} has no parameter '{}'", type_name(), name);
  return *found;
}

const Tensor& Module::buffer(std::string_view name) const {
  const Tensor* found = find_named(buffers_, name);
  LAMINA_REQUIRE(found != nullptr, "[module] {} has no buffer '{}'", type_name(), name);
  return *found;
}

void Module::set_parameter(std::string_view name, Tensor value) {
  replace(find_named(parameters_, name), "parameter", *this, name, std::move(value));
}

void Module::set_buffer(std::string_view name, Tensor value) {
  replace(find_named(buffers_, name), "buffer", *this, name, std::move(value));
}

std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& [name, value] : named_parameters()) count += value.numel();
  return count;
}

void Module::train(bool on) {
  visit_tree<Module>(*this, "", [on](const std::string&, Module& m) { m.training_ = on; });
}

void Module::apply(const std::function<void(Module&)>& f) {
  for (const auto& [name, child] : children_) child->apply(f);
  f(*this);
}

void Module::to(DType dtype) {
  LAMINA_REQUIRE(is_floating(dtype), "[module] to({}): only floating dtypes", to_string(dtype));
  apply([dtype](Module& module) {
    for (auto* entries : {&module.parameters_, &module.buffers_}) {
      for (auto& [name, value] : *entries) {
        if (is_floating(value.dtype())) value = value.to(dtype);
      }
    }
  });
}

void Module::to(Device device) {
  apply([device](Module& module) {
    for (auto* entries : {&module.parameters_, &module.buffers_}) {
      for (auto& [name, value] : *entries) value = value.to(device);
    }
  });
}

int Module::register_forward_hook(Hook hook) {
  hooks_.emplace_back(next_hook_id_, std::move(hook));
  return next_hook_id_++;
}

void Module::remove_hook(int id) {
  std::erase_if(hooks_, [id](const auto& entry) { return entry.first == id; });
}

void Module::register_parameter(std::string name, Tensor value) {
  parameters_.emplace_back(std::move(name), std::move(value));
}

void Module::register_buffer(std::string name, Tensor value) {
  buffers_.emplace_back(std::move(name), std::move(value));
}

void Module::add_child(std::string name, std::shared_ptr<Module> module) {
  LAMINA_REQUIRE(module != nullptr, "[module] child '{}' of {} is null", name, type_name());
  const bool named_well = !name.empty() && name.find('.') == std::string::npos &&
                          find_named(children_, name) == nullptr;
  LAMINA_REQUIRE(named_well,
                 "[module] '{}' cannot be the name of a child of {}: it is empty, "
                 "holds a dot, or is taken",
                 name, type_name());
  children_.emplace_back(std::move(name), std::move(module));
}

}  // namespace lamina::nn
