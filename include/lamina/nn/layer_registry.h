// From a LayerSpec back to a module: the types a reader may make, and how.
#pragma once

#include <lamina/nn/module.h>

#include <functional>
#include <map>

namespace lamina::nn {

class LAMINA_API LayerRegistry {
 public:
  using Factory = std::function<std::shared_ptr<Module>(const LayerSpec&, const LayerRegistry&)>;

  /// The layers of this folder, under PyTorch's names.
  static LayerRegistry builtin();

  void add(std::string type, Factory factory);
  bool contains(const std::string& type) const { return factories_.contains(type); }

  /// Makes the module and its children, weights uninitialised but zero. Throws FormatError
  /// (unknown_layer, bad_field) naming the dotted path of the layer; the hint is the nearest type.
  std::shared_ptr<Module> make(const LayerSpec& spec, const std::string& path = "") const;

 private:
  std::map<std::string, Factory> factories_;
};

/// Arguments of a spec by type. Throws FormatError bad_field naming layer type and argument where
/// one is absent without a default or has another type.
LAMINA_API std::int64_t arg_int(const LayerSpec& spec, std::string_view name);
LAMINA_API std::int64_t arg_int(const LayerSpec& spec, std::string_view name,
                                std::int64_t fallback);
LAMINA_API double arg_double(const LayerSpec& spec, std::string_view name, double fallback);
LAMINA_API bool arg_bool(const LayerSpec& spec, std::string_view name, bool fallback);

}  // namespace lamina::nn
