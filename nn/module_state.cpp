// A module's state dict: out, and in again.
#include <lamina/nn/module.h>

#include "core/require.h"

#include <algorithm>
#include <optional>

namespace lamina::nn {
namespace {

std::string describe(const Tensor& tensor) {
  return fmt::format("{} {}", to_string(tensor.dtype()), tensor.shape());
}

bool fits(const Tensor& expected, const Tensor& found) {
  const bool convertible = is_floating(expected.dtype()) && is_floating(found.dtype());
  return expected.shape() == found.shape() && (expected.dtype() == found.dtype() || convertible);
}

// Of each group: enough to recognise a network by, and still a line that can be read.
constexpr std::size_t kNamesInMessage = 4;

// Kept in files by newer versions of PyTorch only, and of no use for inference: never missed.
bool is_optional(std::string_view name) {
  constexpr std::string_view kName = "num_batches_tracked";
  return name == kName || name.ends_with(std::string(".") + std::string(kName));
}

std::optional<std::string> common_prefix(const std::vector<std::string>& names) {
  if (names.empty()) return std::nullopt;
  const auto dot = names.front().find('.');
  if (dot == std::string::npos) return std::nullopt;
  const std::string prefix = names.front().substr(0, dot + 1);
  const bool shared = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return name.starts_with(prefix);
  });
  return shared ? std::optional(prefix) : std::nullopt;
}

// "Every name begins with 'module.'" where that alone explains why nothing fits.
std::string prefix_hint(const LoadReport& report, const StateDict& state) {
  const auto prefix = common_prefix(report.unexpected);
  if (!prefix || report.unexpected.size() != state.size()) return {};
  const bool explains =
      std::any_of(report.missing.begin(), report.missing.end(),
                  [&](const auto& name) { return state.contains(*prefix + name); });
  return explains ? fmt::format("every name begins with '{}'; strip it from the names", *prefix)
                  : std::string();
}

template <typename T, typename F>
void append_group(std::string& text, const char* title, const std::vector<T>& items,
                  std::size_t max_names, const F& format_item) {
  if (items.empty()) return;
  if (!text.empty()) text += "; ";
  text += fmt::format("{} {}: ", items.size(), title);
  const std::size_t shown = std::min(items.size(), max_names);
  for (std::size_t i = 0; i < shown; ++i) text += (i > 0 ? ", " : "") + format_item(items[i]);
  if (shown < items.size()) text += fmt::format(", and {} more", items.size() - shown);
}

}  // namespace

std::string LoadReport::to_string(std::size_t max_names) const {
  std::string text;
  const auto same = [](const std::string& name) { return name; };
  append_group(text, "missing", missing, max_names, same);
  append_group(text, "unexpected", unexpected, max_names, same);
  append_group(text, "of another shape or dtype", mismatched, max_names, [](const Mismatch& m) {
    return fmt::format("{} (file has {}, model {})", m.name, m.found, m.expected);
  });
  return text;
}

StateDict Module::state_dict() const {
  StateDict state;
  for (const auto& [path, module] : named_modules()) {
    const std::string prefix = path.empty() ? "" : path + ".";
    for (const auto* entries : {&module->parameters_, &module->buffers_}) {
      for (const auto& [name, value] : *entries) {
        if (value.defined()) state.insert(prefix + name, value);
      }
    }
  }
  return state;
}

LoadReport Module::load_state_dict(const StateDict& state, const LoadStateDictOptions& options) {
  LoadReport report;
  std::vector<std::pair<Tensor*, const Tensor*>> taken;
  const StateDict own = state_dict();
  for (const auto& [name, value] : own) {
    const Tensor* found = state.find(name);
    if (found == nullptr) {
      if (!is_optional(name)) report.missing.push_back(name);
    } else if (!fits(value, *found)) {
      report.mismatched.push_back({name, describe(value), describe(*found)});
    }
  }
  for (const auto& [name, value] : state) {
    if (!own.contains(name)) report.unexpected.push_back(name);
  }
  report.hint = prefix_hint(report, state);
  if (!report.mismatched.empty() || (options.strict && !report.ok())) {
    throw StateDictError(fmt::format("[load_state_dict] the state dict does not fit {}: {}",
                                     type_name(), report.to_string(kNamesInMessage)),
                         report.hint);
  }
  for (const auto& [path, module] : named_modules()) {
    const std::string prefix = path.empty() ? "" : path + ".";
    auto* owner = const_cast<Module*>(module);  // a descendant of *this, which is not const
    for (auto* entries : {&owner->parameters_, &owner->buffers_}) {
      for (auto& [name, value] : *entries) {
        const Tensor* found = value.defined() ? state.find(prefix + name) : nullptr;
        if (found != nullptr) taken.emplace_back(&value, found);
      }
    }
  }
  // Conversion may run out of memory; only then is anything replaced.
  std::vector<Tensor> converted;
  for (const auto& [slot, source] : taken)
    converted.push_back(source->to(slot->dtype()).contiguous());
  for (std::size_t i = 0; i < taken.size(); ++i) *taken[i].first = std::move(converted[i]);
  return report;
}

}  // namespace lamina::nn
