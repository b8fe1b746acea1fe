#include "tools/lamina_convert/rename.h"

#include "models/weight_names.h"
#include "tools/support/failure.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

namespace lamina::tools {
namespace {

using Names = std::map<std::string, std::string>;

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
  const bool built_in = map.empty() || map == "torchvision" || map == "timm";
  return built_in ? Names() : names_from_file(map);
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
    if (map == "timm") name = models::detail::from_timm(name);
    if (out.contains(name)) {
      throw UsageError(fmt::format("two tensors would be called the same: {}", name));
    }
    out.insert(name, map == "timm" ? models::detail::as_linear(name, tensor) : tensor);
  }
  if (!stripped) throw UsageError("no tensor has the prefix: --strip-prefix " + prefix);
  return out;
}

}  // namespace lamina::tools
