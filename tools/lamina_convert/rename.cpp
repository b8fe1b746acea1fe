#include "tools/lamina_convert/rename.h"

#include "tools/support/failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

namespace lamina::tools {
namespace {

using Names = std::map<std::string, std::string>;

const Names& timm_names() {
  static const Names names{{"pre_logits.fc1.weight", "classifier.0.weight"},
                           {"pre_logits.fc1.bias", "classifier.0.bias"},
                           {"pre_logits.fc2.weight", "classifier.3.weight"},
                           {"pre_logits.fc2.bias", "classifier.3.bias"},
                           {"head.fc.weight", "classifier.6.weight"},
                           {"head.fc.bias", "classifier.6.bias"}};
  return names;
}

Names names_from_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw IoError(fmt::format("cannot read the map: {}: {}", std::strerror(errno), path));
  Names names;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    std::istringstream words(line);
    std::string from, to, rest;
    if (!(words >> from) || from.starts_with('#')) continue;
    if (!(words >> to) || (words >> rest)) {
      throw UsageError(fmt::format("line {} is not two names: --map {}", number, path));
    }
    names[from] = to;
  }
  return names;
}

Names names_for(const std::string& map) {
  if (map.empty() || map == "torchvision") return {};
  return map == "timm" ? timm_names() : names_from_file(map);
}

// A convolution over the whole of its input is a fully connected layer; the elements lie alike.
Tensor as_linear(const std::string& name, const Tensor& tensor) {
  if (!name.starts_with("classifier.") || tensor.rank() != 4) return tensor;
  return tensor.reshape(
      {tensor.size(0), tensor.numel() / std::max<std::int64_t>(1, tensor.size(0))});
}

}  // namespace

StateDict renamed(const StateDict& tensors, const std::string& prefix, const std::string& map) {
  const Names names = names_for(map);
  StateDict out;
  out.metadata() = tensors.metadata();
  bool stripped = prefix.empty();
  for (const auto& [old_name, tensor] : tensors) {
    std::string name = old_name;
    if (!prefix.empty() && name.size() > prefix.size() && name.starts_with(prefix)) {
      name.erase(0, prefix.size());
      stripped = true;
    }
    if (const auto found = names.find(name); found != names.end()) name = found->second;
    if (out.contains(name)) {
      throw UsageError(fmt::format("two tensors would be called the same: {}", name));
    }
    out.insert(name, map == "timm" ? as_linear(name, tensor) : tensor);
  }
  if (!stripped) throw UsageError("no tensor has the prefix: --strip-prefix " + prefix);
  return out;
}

}  // namespace lamina::tools
