// The base of every layer: a tree of modules with named parameters and buffers.
//
// Modules are for inference: they compute outputs and hold weights, there are no gradients. A
// module is used through shared_ptr or as a local variable; it is not copied. Reading (forward)
// from several threads is safe as long as none changes the module.
//
//   auto model = nn::Sequential({nn::make<nn::Conv2d>({.in_channels = 3, .out_channels = 8}), …});
//   model->load_state_dict(lamina::load("w.lamina"));
//   model->eval();
//   Tensor y = (*model)(x);
#pragma once

#include <lamina/core/export.h>
#include <lamina/core/state_dict.h>
#include <lamina/core/tensor.h>
#include <lamina/nn/layer_spec.h>

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::nn {

namespace detail {
class PlanBuilder;
}

/// What load_state_dict() found; empty lists where everything fitted.
struct LAMINA_API LoadReport {
  struct Mismatch {
    std::string name;
    std::string expected;  ///< "f32 [64, 3, 3, 3]"
    std::string found;
  };
  std::vector<std::string> missing;     ///< in the module, not in the state dict
  std::vector<std::string> unexpected;  ///< in the state dict, not in the module
  std::vector<Mismatch> mismatched;  ///< in both, with another shape or a dtype that cannot convert
  std::string hint;                  ///< "every name begins with 'module.'", or empty

  bool ok() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
  /// Grouped, with at most `max_names` names a group and the number of the rest.
  std::string to_string(std::size_t max_names = 8) const;
};

struct LoadStateDictOptions {
  bool strict = true;
};

class LAMINA_API Module {
 public:
  using Hook = std::function<void(const Module& module, const Tensor& output)>;
  template <typename T>
  using Named = std::vector<std::pair<std::string, T>>;

  Module() = default;
  virtual ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// The layer's definition. Throws InvalidArgument for an input of the wrong rank, channels or
  /// dtype, naming the layer and both shapes.
  virtual Tensor forward(const Tensor& input) const = 0;
  /// forward(), then the hooks.
  Tensor operator()(const Tensor& input) const;

  virtual std::string type_name() const = 0;  ///< "Conv2d"
  virtual std::string extra_repr() const;     ///< what PyTorch prints between the brackets
  virtual LayerSpec spec() const;             ///< type, arguments, children
  /// Adds to a session's plan what the module does; by default one step that calls forward().
  virtual void lower(detail::PlanBuilder& builder) const;

  // The tree. Names are dotted paths from this module: "features.0.weight"; the module itself is
  // "".
  Named<Tensor> named_parameters() const;
  Named<Tensor> named_buffers() const;
  const Named<std::shared_ptr<Module>>& named_children() const noexcept { return children_; }
  Named<const Module*> named_modules() const;
  /// The module of a dotted path. Throws InvalidArgument; the hint is the nearest name.
  const Module& get_submodule(std::string_view path) const;
  Module& get_submodule(std::string_view path);
  /// A parameter of this module itself, undefined where it was made without (bias=False). Throws
  /// InvalidArgument for a name it never had.
  const Tensor& parameter(std::string_view name) const;
  const Tensor& buffer(std::string_view name) const;
  /// Replaces a parameter or buffer, which must have the same shape and dtype.
  void set_parameter(std::string_view name, Tensor value);
  void set_buffer(std::string_view name, Tensor value);
  std::int64_t parameter_count() const;

  void train(bool on = true);
  void eval() { train(false); }
  bool training() const noexcept { return training_; }
  /// Calls f on every module of the tree, children before their parent, as PyTorch's apply.
  void apply(const std::function<void(Module&)>& f);
  /// Converts floating parameters and buffers.
  void to(DType dtype);
  void to(Device device);

  /// Parameters and persistent buffers under their dotted names, in PyTorch's order. The tensors
  /// share the module's storage.
  StateDict state_dict() const;
  /// Takes the tensors over without a copy where the dtype is the parameter's; f16, bf16, f32 and
  /// f64 convert into each other. All or nothing: where anything is wrong the module stays as it
  /// was. strict: throws StateDictError with the report's text unless report.ok(). Not strict:
  /// loads what fits by name and returns the report; a mismatch throws all the same, as in PyTorch.
  LoadReport load_state_dict(const StateDict& state, const LoadStateDictOptions& options = {});

  /// Called after each forward of this module through operator(). Returns an id for remove_hook().
  int register_forward_hook(Hook hook);
  void remove_hook(int id);

 protected:
  void register_parameter(std::string name,
                          Tensor value);  ///< undefined: absent, but known by name
  void register_buffer(std::string name, Tensor value);
  template <typename M>
  std::shared_ptr<M> register_module(std::string name, std::shared_ptr<M> module) {
    add_child(std::move(name), module);
    return module;
  }

 private:
  void add_child(std::string name, std::shared_ptr<Module> module);

  Named<Tensor> parameters_, buffers_;
  Named<std::shared_ptr<Module>> children_;
  std::vector<std::pair<int, Hook>> hooks_;
  int next_hook_id_ = 0;
  bool training_ = true;
};

/// PyTorch's text of the tree, as print(model) gives it, without a final newline.
LAMINA_API std::string to_string(const Module& module);
LAMINA_API std::ostream& operator<<(std::ostream& out, const Module& module);

}  // namespace lamina::nn
