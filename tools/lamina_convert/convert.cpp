#include "models/model_json.h"
#include "tools/lamina_convert/commands.h"
#include "tools/lamina_convert/floating.h"
#include "tools/lamina_convert/rename.h"
#include "tools/lamina_convert/weight_file.h"
#include "tools/support/failure.h"
#include "tools/support/text.h"
#include "tools/vgg16_infer/calibrate.h"

#include <lamina/models/vgg.h>
#include <lamina/serialization/container.h>
#include <lamina/serialization/safetensors.h>

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <optional>

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

// The shards and their index are files that --force would replace, as OUT itself is.
void check_sharding(const ConvertOptions& options) {
  if (options.max_shard_bytes == 0) return;
  if (extension_of(options.second) != ".safetensors") {
    throw UsageError("--max-shard-size is for a .safetensors OUT: " + options.second);
  }
  const std::string index = serialization::safetensors_index_path(options.second).string();
  std::error_code error;
  if (!options.force && std::filesystem::exists(index, error)) {
    throw UsageError("the file is there already: " + index, "--force replaces it");
  }
}

bool is_container(const std::string& path) { return extension_of(path) == ".lamina"; }

// A net trained anew for other classes is still of the architecture. A model's tensors are of one
// floating type, and lie where they can be converted to it.
Model checked_model(const ConvertOptions& options, StateDict tensors) {
  convert_floating(tensors, common_type(tensors));
  return model_with(options.arch, tensors, options.first, class_count(tensors));
}

void check_calibration(const ConvertOptions& options) {
  if (options.calibrate.empty() || is_container(options.second)) return;
  throw UsageError("--calibrate is for a .lamina OUT: " + options.second,
                   "other kinds have no place for what it learns");
}

// Of the weights as they were, before any change of type.
void add_input_ranges(Container& container, std::optional<Model>& model,
                      const ConvertOptions& options, const Context& context) {
  if (!model && container.model.empty()) {
    throw UsageError(
        "--calibrate needs a model to run, and there are tensors alone: " + options.first,
        "--arch NAME says which model they are of");
  }
  const InputRanges ranges = calibrate(model ? *model : load_model(options.first),
                                       {.directory = options.calibrate}, context);
  if (model) model->info().input_ranges = ranges;
  container.weights = models::detail::with_input_ranges(container.weights, ranges);
}

// What is where afterwards, for the note.
std::string write(const Container& container, const std::optional<Model>& model,
                  const ConvertOptions& options, const SaveOptions& how) {
  const std::string& out = options.second;
  if (model && is_container(out) && container.model.empty()) {
    save(*model, out, how);
  } else if (is_container(out)) {
    // One that has its structure already keeps it, and what is known of its weights.
    serialization::write_container(out, container, how);
  } else if (options.max_shard_bytes > 0) {
    const std::int64_t files = serialization::save_safetensors_shards(container.tensors, out,
                                                                      options.max_shard_bytes, how);
    if (files > 1) {
      return fmt::format("{} of {} files", serialization::safetensors_index_path(out).string(),
                         files);
    }
  } else {
    save_any(container.tensors, out, how);
  }
  return out;
}

// What the kind of OUT has no place for.
void note_losses(const Container& container, const ConvertOptions& options,
                 const Console& console) {
  const std::string kind = extension_of(options.second);
  const bool keeps_metadata = kind == ".lamina" || kind == ".safetensors";
  if (!container.tensors.metadata().empty() && !keeps_metadata) {
    console.note("the metadata has no place in a {}", kind);
  }
  if (!container.model.empty() && kind != ".lamina") {
    console.note("the model's structure and labels have no place in a {}", kind);
  }
}

}  // namespace

ExitStatus convert(const ConvertOptions& options, const Context& context) {
  check_target(options.second, options.force);
  check_sharding(options);
  check_calibration(options);
  Progress load_progress("load", Progress::Unit::bytes, context.progress);
  LoadOptions how = load_options(options, {options.first}, load_progress.callback());
  how.unaligned = true;  // bytes are passed on, or convert_floating() looks at where they lie
  Container container = read(options.first, how);
  container.created_by.clear();
  const bool renames = !options.strip_prefix.empty() || !options.map.empty();
  if (renames) {
    container.tensors = renamed(container.tensors, options.strip_prefix, options.map);
    container.model.clear();
    // The ranges are of layers by their names.
    if (!container.weights.empty()) {
      container.weights = models::detail::with_input_ranges(container.weights, {});
    }
  }
  if (!options.dtype.empty()) {
    const Overflow overflow = convert_floating(container.tensors, parse_float_type(options.dtype));
    if (overflow.values > 0) {
      context.console.warning("{} values are too large for {} and became infinite, the first in {}",
                              with_commas(overflow.values), options.dtype, overflow.first_tensor);
    }
  }
  note_losses(container, options, context.console);
  std::optional<Model> model;
  if (!options.arch.empty()) model = checked_model(options, container.tensors);
  if (!options.calibrate.empty()) add_input_ranges(container, model, options, context);

  Progress save_progress("save", Progress::Unit::bytes, context.progress);
  std::string written;
  try {
    written = writing([&] {
      return write(container, model, options,
                   {.progress = save_progress.callback(), .overwrite = options.force});
    });
  } catch (const Unsupported& error) {
    throw UsageError(error.what(), error.hint());
  }
  context.console.note("{} tensors, {}: {}", container.tensors.size(),
                       human_bytes(static_cast<double>(container.tensors.nbytes())), written);
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
