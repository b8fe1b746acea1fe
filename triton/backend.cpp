// The functions by which NVIDIA Triton finds, makes and calls us. docs/triton.md
#include "triton/api.h"
#include "triton/instance.h"

#include <lamina/core/log.h>
#include <lamina/core/version.h>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

// The header declares these without a visibility, and all else of ours is hidden.
#define LAMINA_TRITON_ENTRY extern "C" __attribute__((visibility("default"))) TRITONSERVER_Error*

namespace lamina::triton {
namespace {

constexpr std::uint32_t kConfigVersion = 1;

void require_version() {
  std::uint32_t major = 0, minor = 0;
  check(TRITONBACKEND_ApiVersion(&major, &minor));
  if (major == TRITONBACKEND_API_VERSION_MAJOR && minor >= TRITONBACKEND_API_VERSION_MINOR) return;
  throw ServerError(
      TRITONSERVER_ERROR_UNSUPPORTED,
      fmt::format("[triton] the server's backend interface is {}.{}, this backend "
                  "needs {}.{} or a later minor version",
                  major, minor, TRITONBACKEND_API_VERSION_MAJOR, TRITONBACKEND_API_VERSION_MINOR));
}

void forward_log() {
  set_log_callback([](LogLevel level, std::string_view text) {
    log(level == LogLevel::warning ? TRITONSERVER_LOG_WARN
        : level == LogLevel::info  ? TRITONSERVER_LOG_INFO
                                   : TRITONSERVER_LOG_VERBOSE,
        std::string(text));
  });
}

std::string config_of(TRITONBACKEND_Model* model) {
  TRITONSERVER_Message* message = nullptr;
  check(TRITONBACKEND_ModelConfig(model, kConfigVersion, &message));
  const char* text = nullptr;
  std::size_t size = 0;
  TRITONSERVER_Error* error = TRITONSERVER_MessageSerializeToJson(message, &text, &size);
  const std::string json = error == nullptr ? std::string(text, size) : std::string();
  TRITONSERVER_MessageDelete(message);
  check(error);
  return json;
}

void set_config(TRITONBACKEND_Model* model, const std::string& json) {
  TRITONSERVER_Message* message = nullptr;
  check(TRITONSERVER_MessageNewFromSerializedJson(&message, json.data(), json.size()));
  TRITONSERVER_Error* error = TRITONBACKEND_ModelSetConfig(model, kConfigVersion, message);
  TRITONSERVER_MessageDelete(message);
  check(error);
}

std::filesystem::path model_path(TRITONBACKEND_Model* model, const std::string& config) {
  TRITONBACKEND_ArtifactType type{};
  const char* folder = nullptr;
  check(TRITONBACKEND_ModelRepository(model, &type, &folder));
  if (type != TRITONBACKEND_ARTIFACT_FILESYSTEM) {
    throw ServerError(TRITONSERVER_ERROR_UNSUPPORTED, "[triton] models are read from folders only");
  }
  std::uint64_t version = 0;
  check(TRITONBACKEND_ModelVersion(model, &version));
  return std::filesystem::path(folder) / std::to_string(version) / model_file_name(config);
}

void make_model(TRITONBACKEND_Model* handle) {
  std::string config = config_of(handle);
  const std::filesystem::path path = model_path(handle, config);
  Model model = load_model(path);
  bool complete = false;
  check(TRITONBACKEND_ModelAutoCompleteConfig(handle, &complete));
  if (complete) {
    config = completed_config(config, signature_of(model));
    set_config(handle, config);
  }
  ServingConfig serving = read_config(config, model);
  log(TRITONSERVER_LOG_INFO,
      fmt::format("{}: {} -> {} classes, batches of up to {}, {}", path.string(),
                  to_string(serving.image), serving.classes,
                  std::max<std::int64_t>(1, serving.max_batch), serving.precision));
  auto served = std::make_unique<ServedModel>(ServedModel{std::move(model), std::move(serving)});
  check(TRITONBACKEND_ModelSetState(handle, served.get()));
  served.release();  // until delete_model()
}

ServedModel* model_of(TRITONBACKEND_Model* handle) {
  void* state = nullptr;
  check(TRITONBACKEND_ModelState(handle, &state));
  return static_cast<ServedModel*>(state);
}

Instance* instance_of(TRITONBACKEND_ModelInstance* handle) {
  void* state = nullptr;
  check(TRITONBACKEND_ModelInstanceState(handle, &state));
  return static_cast<Instance*>(state);
}

std::string device_of(TRITONBACKEND_ModelInstance* handle) {
  TRITONSERVER_InstanceGroupKind kind{};
  check(TRITONBACKEND_ModelInstanceKind(handle, &kind));
  if (kind == TRITONSERVER_INSTANCEGROUPKIND_CPU) return "cpu";
  if (kind != TRITONSERVER_INSTANCEGROUPKIND_GPU) return "auto";  // KIND_MODEL: ours to choose
  std::int32_t index = 0;
  check(TRITONBACKEND_ModelInstanceDeviceId(handle, &index));
  return fmt::format("cuda:{}", index);
}

void make_instance(TRITONBACKEND_ModelInstance* handle) {
  TRITONBACKEND_Model* model = nullptr;
  check(TRITONBACKEND_ModelInstanceModel(handle, &model));
  const char* name = nullptr;
  check(TRITONBACKEND_ModelInstanceName(handle, &name));
  auto instance = std::make_unique<Instance>(*model_of(model), device_of(handle));
  log(TRITONSERVER_LOG_INFO, fmt::format("{}: {}", name, instance->description()));
  check(TRITONBACKEND_ModelInstanceSetState(handle, instance.get()));
  instance.release();  // until delete_instance()
}

// For models whose configuration names no instance_group.
void prefer_devices(TRITONBACKEND_BackendAttribute* attribute) {
#ifdef LAMINA_WITH_CUDA
  check(TRITONBACKEND_BackendAttributeAddPreferredInstanceGroup(
      attribute, TRITONSERVER_INSTANCEGROUPKIND_GPU, 1, nullptr, 0));
#endif
  check(TRITONBACKEND_BackendAttributeAddPreferredInstanceGroup(
      attribute, TRITONSERVER_INSTANCEGROUPKIND_CPU, 1, nullptr, 0));
}

}  // namespace
}  // namespace lamina::triton

using namespace lamina::triton;

LAMINA_TRITON_ENTRY TRITONBACKEND_Initialize(TRITONBACKEND_Backend*) {
  return guarded([] {
    require_version();
    forward_log();
    log(TRITONSERVER_LOG_INFO, fmt::format("lamina {}", lamina::version()));
  });
}

LAMINA_TRITON_ENTRY TRITONBACKEND_Finalize(TRITONBACKEND_Backend*) {
  return guarded([] { lamina::set_log_callback({}); });
}

LAMINA_TRITON_ENTRY TRITONBACKEND_GetBackendAttribute(TRITONBACKEND_Backend*,
                                                      TRITONBACKEND_BackendAttribute* attribute) {
  return guarded([&] { prefer_devices(attribute); });
}

LAMINA_TRITON_ENTRY TRITONBACKEND_ModelInitialize(TRITONBACKEND_Model* model) {
  return guarded([&] { make_model(model); });
}

LAMINA_TRITON_ENTRY TRITONBACKEND_ModelFinalize(TRITONBACKEND_Model* model) {
  return guarded([&] { delete model_of(model); });
}

LAMINA_TRITON_ENTRY TRITONBACKEND_ModelInstanceInitialize(TRITONBACKEND_ModelInstance* instance) {
  return guarded([&] { make_instance(instance); });
}

LAMINA_TRITON_ENTRY TRITONBACKEND_ModelInstanceFinalize(TRITONBACKEND_ModelInstance* instance) {
  return guarded([&] { delete instance_of(instance); });
}

// After an error here the requests would still be the server's; execute() answers them all instead.
LAMINA_TRITON_ENTRY TRITONBACKEND_ModelInstanceExecute(TRITONBACKEND_ModelInstance* instance,
                                                       TRITONBACKEND_Request** requests,
                                                       std::uint32_t count) {
  return guarded([&] { instance_of(instance)->execute(instance, {requests, count}); });
}
