#include "tools/lamina_convert/commands.h"
#include "tools/lamina_convert/rename.h"
#include "tools/lamina_convert/weight_file.h"
#include "tools/support/failure.h"
#include "tools/support/text.h"

#include <lamina/models/vgg.h>
#include <lamina/serialization/container.h>

#include <fmt/format.h>

namespace lamina::tools {
namespace {

using serialization::Container;
using serialization::FileKind;

// What a container has beside its tensors goes along into another container.
Container read(const std::string& path, const LoadOptions& options) {
  if (serialization::detect_kind(path) == FileKind::lamina) {
    return serialization::read_container(path, options);
  }
  Container container;
  container.tensors = load(path, options);
  return container;
}

DType parse_float_type(const std::string& name) {
  if (name == "fp16") return DType::f16;
  return name == "bf16" ? DType::bf16 : DType::f32;
}

StateDict with_dtype(const StateDict& tensors, DType dtype) {
  StateDict converted;
  converted.metadata() = tensors.metadata();
  for (const auto& [name, tensor] : tensors) {
    converted.insert(name, is_floating(tensor.dtype()) ? tensor.to(dtype) : tensor);
  }
  return converted;
}

bool is_container(const std::string& path) { return path.ends_with(".lamina"); }

void write(const Container& container, const ConvertOptions& options, const SaveOptions& how) {
  const std::string& out = options.second;
  if (!options.arch.empty()) {
    // A net trained anew for other classes is still of the architecture.
    const Model model =
        model_with(options.arch, container.tensors, options.first, class_count(container.tensors));
    // One that has its structure already keeps it, and what is known of its weights.
    if (is_container(out) && container.model.empty()) return save(model, out, how);
  }
  if (is_container(out)) return serialization::write_container(out, container, how);
  save_any(container.tensors, out, how);
}

}  // namespace

ExitStatus convert(const ConvertOptions& options, const Context& context) {
  check_target(options.second, options.force);
  Progress load_progress("load", Progress::Unit::bytes, context.progress);
  Container container = read(options.first, {.progress = load_progress.callback()});
  container.created_by.clear();
  const bool renames = !options.strip_prefix.empty() || !options.map.empty();
  if (renames) {
    container.tensors = renamed(container.tensors, options.strip_prefix, options.map);
    container.model.clear();
  }
  if (!options.dtype.empty()) {
    container.tensors = with_dtype(container.tensors, parse_float_type(options.dtype));
  }

  Progress save_progress("save", Progress::Unit::bytes, context.progress);
  try {
    writing([&] { write(container, options, {.progress = save_progress.callback()}); });
  } catch (const Unsupported& error) {
    throw UsageError(error.what(), error.hint());
  }
  context.console.note("{} tensors, {}: {}", container.tensors.size(),
                       human_bytes(static_cast<double>(container.tensors.nbytes())),
                       options.second);
  return ExitStatus::ok;
}

ExitStatus init(const ConvertOptions& options, const Context& context) {
  check_target(options.second, options.force);
  const Model model =
      models::make_model(options.first, {.weights = fmt::format("random:{}", options.seed)});
  Progress progress("save", Progress::Unit::bytes, context.progress);
  writing([&] {
    if (is_container(options.second)) {
      save(model, options.second, {.progress = progress.callback()});
    } else {
      save_any(model.state_dict(), options.second, {.progress = progress.callback()});
    }
  });
  context.console.note("{}, seed {}, {} parameters: {}", options.first, options.seed,
                       with_commas(model.module().parameter_count()), options.second);
  return ExitStatus::ok;
}

}  // namespace lamina::tools
