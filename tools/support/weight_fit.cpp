#include "tools/support/weight_fit.h"

#include "models/weight_names.h"

#include <lamina/serialization/load.h>

#include <fmt/format.h>

#include <optional>

namespace lamina::tools {
namespace {

using models::detail::Fit;

// The options of lamina-convert that make the names a VGG's; nothing where none does.
std::optional<std::string> renaming_options(const Fit& fit, const std::string& file) {
  std::string options;
  if (fit.has_other_names) {
    if (!is_pickled(file) || fit.prefix.empty()) return std::nullopt;
    options = " --key " + fit.prefix.substr(0, fit.prefix.size() - 1);
  } else if (!fit.prefix.empty()) {
    options = " --strip-prefix " + fit.prefix;
  }
  if (fit.timm) options += " --map timm";
  return options;
}

}  // namespace

bool is_pickled(const std::string& file) {
  using serialization::FileKind;
  switch (serialization::detect_kind(file)) {
    case FileKind::pth_zip:
    case FileKind::pth_legacy:
    case FileKind::pth_tar:
    case FileKind::torchscript:
    case FileKind::pickle: return true;
    default: return false;
  }
}

std::string infer_hint(const std::string& file, const std::string& model) {
  constexpr std::int64_t kImageNetClasses = 1000;
  const StateDict tensors = load(file);
  const std::optional<Fit> fit = models::detail::find_fit(tensors);
  std::string text = models::detail::describe_misfit(tensors, fit, model);
  if (!fit || !fit->has_classifier()) return text;
  const std::optional<std::string> renaming = renaming_options(*fit, file);
  if (!renaming) return text;
  if (renaming->empty() && fit->num_classes == kImageNetClasses) {
    return text + ": -m " + fit->model;
  }
  if (fit->num_classes != kImageNetClasses) {
    text = fmt::format("the weights are a {} of {} classes", fit->model, fit->num_classes);
  }
  return fmt::format("{}: 'lamina-convert convert {} M.lamina --arch {}{}', then -m M.lamina", text,
                     file, fit->model, *renaming);
}

std::string convert_hint(const StateDict& tensors, const std::string& file,
                         const std::string& model) {
  const std::optional<Fit> fit = models::detail::find_fit(tensors);
  const std::string text = models::detail::describe_misfit(tensors, fit, model);
  if (!fit || !fit->has_classifier()) return text;
  const std::optional<std::string> renaming = renaming_options(*fit, file);
  if (!renaming) return text;
  const std::string arch = fit->model != model ? " --arch " + fit->model : "";
  const std::string options = arch + *renaming;
  return options.empty() ? text : fmt::format("{}: add{}", text, options);
}

}  // namespace lamina::tools
