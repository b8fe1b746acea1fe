#include <lamina/models/model.h>

#include "core/require.h"
#include "core/storage.h"
#include "models/model_json.h"
#include "models/vgg_module.h"

#include <lamina/serialization/container.h>

#include <ostream>

namespace lamina {
namespace {

// A structure may ask for weights of any size; what the file holds says how many it can fill.
// Weights kept in int8 are a quarter of the f32 that a layer is made with, the rest is room for
// buffers that are not stored.
std::int64_t allocation_limit(const StateDict& tensors) {
  constexpr std::int64_t kRoom = 1 << 20;
  return tensors.nbytes() * 4 + kRoom;
}

Model model_from(const serialization::Container& container) {
  const nn::LayerSpec spec = models::detail::layer_spec_from_json(container.model);
  ModelInfo info = models::detail::model_info_from_json(container.weights);
  const auto module = [&] {
    const AllocationLimit limit(allocation_limit(container.tensors));
    return models::detail::model_layers().make(spec);
  }();
  module->load_state_dict(container.tensors);
  module->eval();
  return {module, std::move(info)};
}

}  // namespace

Model::Model(std::shared_ptr<nn::Module> module, ModelInfo info)
    : module_(std::move(module)), info_(std::move(info)) {
  LAMINA_REQUIRE(module_ != nullptr, "[model] the module is null");
}

nn::LoadReport Model::load_state_dict(const StateDict& state,
                                      const nn::LoadStateDictOptions& options) {
  nn::LoadReport report = module_->load_state_dict(state, options);
  info_.input_ranges.clear();  // other weights give other activations
  return report;
}

std::ostream& operator<<(std::ostream& out, const Model& model) {
  return out << nn::to_string(model.module());
}

void save(const Model& model, const std::filesystem::path& path, const SaveOptions& options) {
  serialization::Container container;
  container.tensors = model.state_dict();
  container.model = models::detail::to_json(model.module().spec());
  container.weights = models::detail::to_json(model.info());
  serialization::write_container(path, container, options);
}

Model load_model(const std::filesystem::path& path, const LoadOptions& options) {
  const serialization::Container container = serialization::read_container(path, options);
  if (container.model.empty()) {
    throw FormatError(FormatErrc::bad_field,
                      fmt::format("[model] holds tensors but no model: {}", path.string()),
                      "read it with lamina::load(), or give it as the weights of a named model");
  }
  try {
    return model_from(container);
  } catch (const FormatError& error) {
    throw FormatError(error.code(), fmt::format("{}: {}", error.what(), path.string()),
                      error.hint());
  } catch (const StateDictError& error) {
    throw StateDictError(fmt::format("{}: {}", error.what(), path.string()), error.hint());
  }
}

}  // namespace lamina
