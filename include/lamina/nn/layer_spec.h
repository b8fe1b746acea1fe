// A module as data: what type it is, with which arguments it was made, and its children. Enough to
// make it again, and nothing that could run: what a container keeps of a model's structure.
#pragma once

#include <lamina/core/export.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lamina::nn {

/// An argument's value; monostate is PyTorch's None.
using ArgValue = std::variant<std::monostate, bool, std::int64_t, double, std::string,
                              std::vector<std::int64_t>>;

struct NamedLayerSpec;

struct LAMINA_API LayerSpec {
  std::string type;                                    ///< "Conv2d"
  std::vector<std::pair<std::string, ArgValue>> args;  ///< in PyTorch's order and names
  std::vector<NamedLayerSpec> children;                ///< in order of registration

  /// The argument, or nullptr.
  const ArgValue* find_arg(std::string_view name) const;
};

struct NamedLayerSpec {
  std::string name;
  LayerSpec spec;
};

}  // namespace lamina::nn
