#include "models/weight_names.h"

#include "models/vgg_module.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace lamina::models::detail {
namespace {

// Every VGG has it, so that what stands before it is the prefix of its names.
constexpr std::string_view kAnchor = "features.0.weight";

const std::map<std::string, std::string>& timm_names() {
  static const std::map<std::string, std::string> names{
      {"pre_logits.fc1.weight", "classifier.0.weight"},
      {"pre_logits.fc1.bias", "classifier.0.bias"},
      {"pre_logits.fc2.weight", "classifier.3.weight"},
      {"pre_logits.fc2.bias", "classifier.3.bias"},
      {"head.fc.weight", "classifier.6.weight"},
      {"head.fc.bias", "classifier.6.bias"}};
  return names;
}

std::set<std::string> prefixes_of_vggs(const StateDict& tensors) {
  std::set<std::string> prefixes;
  for (const auto& [name, tensor] : tensors) {
    if (!name.ends_with(kAnchor)) continue;
    std::string prefix = name.substr(0, name.size() - kAnchor.size());
    if (prefix.empty() || prefix.ends_with('.')) prefixes.insert(std::move(prefix));
  }
  return prefixes;
}

// Older files have no counter of a batch norm's steps, and none is needed.
bool counts(std::string_view name) { return !name.ends_with(".num_batches_tracked"); }

// Whether the tensors under `start` are the same in both, by names and shapes.
bool same_layout(const StateDict& a, const StateDict& b, std::string_view start) {
  const auto matter = [&](const StateDict::Entry& entry) {
    return entry.first.starts_with(start) && counts(entry.first);
  };
  return std::ranges::count_if(a, matter) == std::ranges::count_if(b, matter) &&
         std::ranges::all_of(a, [&](const StateDict::Entry& entry) {
           const Tensor* other = b.find(entry.first);
           return !matter(entry) || (other != nullptr && other->shape() == entry.second.shape());
         });
}

// The tensors under the prefix, by the names they would have in torchvision.
StateDict renamed(const StateDict& tensors, Fit& fit) {
  StateDict out;
  for (const auto& [old_name, tensor] : tensors) {
    if (!old_name.starts_with(fit.prefix)) {
      fit.has_other_names = true;
      continue;
    }
    const std::string name = old_name.substr(fit.prefix.size());
    const std::string new_name = from_timm(name);
    fit.timm = fit.timm || new_name != name;
    out.set(new_name, fit.timm ? as_linear(new_name, tensor) : tensor);
  }
  return out;
}

std::optional<Fit> fit_under(const std::string& prefix, const StateDict& tensors) {
  Fit fit{.model = {}, .num_classes = 0, .prefix = prefix};
  const StateDict state = renamed(tensors, fit);
  const Tensor* bias = state.find("classifier.6.bias");
  const bool has_classifier = bias != nullptr && bias->rank() == 1 && bias->numel() > 0;
  std::optional<Fit> features_only;
  for (const VggConfig& config : vgg_configs()) {
    // Its parameters are untouched zeros, which take no memory.
    const StateDict own = make_vgg(config, has_classifier ? bias->numel() : 1, 0.5)->state_dict();
    fit.model = config.name;
    if (has_classifier && same_layout(own, state, "")) {
      fit.num_classes = bias->numel();
      return fit;
    }
    if (bias == nullptr && same_layout(own, state, "features.")) features_only = fit;
  }
  return features_only;
}

}  // namespace

std::optional<StateDict> without_data_parallel(const StateDict& tensors) {
  constexpr std::string_view kPrefix = "module.";
  const bool all = std::ranges::all_of(tensors, [&](const StateDict::Entry& entry) {
    return entry.first.size() > kPrefix.size() && entry.first.starts_with(kPrefix);
  });
  if (!all || tensors.empty()) return std::nullopt;
  StateDict out;
  out.metadata() = tensors.metadata();
  for (const auto& [name, tensor] : tensors) out.insert(name.substr(kPrefix.size()), tensor);
  return out;
}

std::string from_timm(const std::string& name) {
  const auto found = timm_names().find(name);
  return found == timm_names().end() ? name : found->second;
}

Tensor as_linear(std::string_view torchvision_name, const Tensor& tensor) {
  if (!torchvision_name.starts_with("classifier.") || tensor.rank() != 4) return tensor;
  return tensor.reshape(
      {tensor.size(0), tensor.numel() / std::max<std::int64_t>(1, tensor.size(0))});
}

std::optional<Fit> find_fit(const StateDict& tensors) {
  std::optional<Fit> best;
  for (const std::string& prefix : prefixes_of_vggs(tensors)) {
    const std::optional<Fit> fit = fit_under(prefix, tensors);
    if (fit && (!best || (fit->has_classifier() && !best->has_classifier()))) best = fit;
  }
  return best;
}

std::string_view report_of(const StateDictError& error) {
  constexpr std::string_view kPlace = "[load_state_dict] ";
  std::string_view text = error.what();
  if (text.starts_with(kPlace)) text.remove_prefix(kPlace.size());
  return text;
}

std::string describe_misfit(const StateDict& tensors, const std::optional<Fit>& fit,
                            std::string_view model) {
  if (tensors.empty()) return "the file holds no tensors";
  if (!fit && prefixes_of_vggs(tensors).empty()) {
    return fmt::format("no name in the file is a VGG's, the first is '{}'", tensors.begin()->first);
  }
  if (!fit) return {};
  std::string text;
  if (fit->has_other_names) {
    text = fmt::format("only the names that begin with '{}' are a VGG's; ", fit->prefix);
  } else if (!fit->prefix.empty()) {
    text = fmt::format("every name begins with '{}'; ", fit->prefix);
  }
  if (fit->timm) text += "the names are timm's; ";
  if (!fit->has_classifier()) {
    return text + fmt::format("the file has {}'s features and no classifier", fit->model);
  }
  if (fit->model != model) return text + fmt::format("the weights fit {}", fit->model);
  if (fit->has_other_names) return text + fmt::format("those fit {}", fit->model);
  if (!text.empty()) return text + fmt::format("renamed, the weights fit {}", fit->model);
  return fmt::format("the weights have {} classes: set num_classes", fit->num_classes);
}

}  // namespace lamina::models::detail
