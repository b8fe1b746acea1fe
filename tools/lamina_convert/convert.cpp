#include "tools/lamina_convert/commands.h"
#include "tools/lamina_convert/rename.h"
#include "tools/lamina_convert/weight_file.h"
#include "tools/support/failure.h"
#include "tools/support/text.h"

#include <lamina/models/vgg.h>
#include <lamina/serialization/container.h>
#include <lamina/serialization/safetensors.h>

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <tuple>
#include <vector>

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

bool is_aligned(const Tensor& tensor) {
  return reinterpret_cast<std::uintptr_t>(tensor.raw_data()) %
             static_cast<std::uintptr_t>(size_of(tensor.dtype())) ==
         0;
}

DType parse_float_type(const std::string& name) {
  if (name == "fp16") return DType::f16;
  return name == "bf16" ? DType::bf16 : DType::f32;
}

// In place, so that of a tensor that is not mapped but in memory only one form is there at a time;
// tensors on the same bytes share what they become.
void convert_floating(StateDict& tensors, DType dtype) {
  std::map<std::tuple<const void*, std::int64_t, DType>, Tensor> known;
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) names.push_back(name);
  for (const std::string& name : names) {
    const Tensor tensor = tensors.at(name);
    if (!is_floating(tensor.dtype()) || tensor.dtype() == dtype) continue;
    if (!tensor.is_contiguous()) {
      tensors.set(name, tensor.to(dtype));
      continue;
    }
    Tensor& converted = known[{tensor.raw_data(), tensor.numel(), tensor.dtype()}];
    if (!converted.defined()) converted = (is_aligned(tensor) ? tensor : tensor.clone()).to(dtype);
    tensors.set(name, converted.reshape(tensor.shape()));
  }
}

// The shards and their index are files that --force would replace, as OUT itself is.
void check_sharding(const ConvertOptions& options) {
  if (options.max_shard_bytes == 0) return;
  if (!options.second.ends_with(".safetensors")) {
    throw UsageError("--max-shard-size is for a .safetensors OUT: " + options.second);
  }
  const std::string index = serialization::safetensors_index_path(options.second).string();
  std::error_code error;
  if (!options.force && std::filesystem::exists(index, error)) {
    throw UsageError("the file is there already: " + index, "--force replaces it");
  }
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
  if (options.max_shard_bytes > 0) {
    return serialization::save_safetensors_shards(container.tensors, out, options.max_shard_bytes,
                                                  how);
  }
  save_any(container.tensors, out, how);
}

}  // namespace

ExitStatus convert(const ConvertOptions& options, const Context& context) {
  check_target(options.second, options.force);
  check_sharding(options);
  Progress load_progress("load", Progress::Unit::bytes, context.progress);
  LoadOptions how = load_options(options, {options.first}, load_progress.callback());
  how.unaligned = true;  // bytes are passed on, or convert_floating() looks at where they lie
  Container container = read(options.first, how);
  container.created_by.clear();
  const bool renames = !options.strip_prefix.empty() || !options.map.empty();
  if (renames) {
    container.tensors = renamed(container.tensors, options.strip_prefix, options.map);
    container.model.clear();
  }
  if (!options.dtype.empty() || !options.arch.empty()) {
    // A model's tensors are of one floating type.
    convert_floating(container.tensors, options.dtype.empty() ? common_type(container.tensors)
                                                              : parse_float_type(options.dtype));
  }

  Progress save_progress("save", Progress::Unit::bytes, context.progress);
  try {
    writing([&] {
      write(container, options, {.progress = save_progress.callback(), .overwrite = options.force});
    });
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
