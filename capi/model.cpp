#include "capi/guard.h"
#include "capi/handles.h"

#include <lamina/models/vgg.h>
#include <lamina/serialization/load.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <sstream>

using lamina::capi::guard;
using lamina::capi::require_pointer;

lamina_status lamina_model_load(const char* path, lamina_model** model) {
  return guard([&] {
    require_pointer(path, "lamina_model_load", "path");
    require_pointer(model, "lamina_model_load", "model");
    *model = std::make_unique<lamina_model>(lamina::load_model(path)).release();
  });
}

lamina_status lamina_model_make(const char* name, const char* weights, int64_t num_classes,
                                lamina_model** model) {
  return guard([&] {
    require_pointer(name, "lamina_model_make", "name");
    require_pointer(model, "lamina_model_make", "model");
    lamina::models::VggOptions options{.weights = weights != nullptr ? weights : ""};
    if (num_classes != 0) options.num_classes = num_classes;
    *model = std::make_unique<lamina_model>(lamina::models::make_model(name, options)).release();
  });
}

lamina_status lamina_model_load_weights(lamina_model* model, const char* path) {
  return guard([&] {
    require_pointer(model, "lamina_model_load_weights", "model");
    require_pointer(path, "lamina_model_load_weights", "path");
    model->model.load_state_dict(lamina::load(path));
    model->model.info().weights = path;
    model->state = model->model.state_dict();
  });
}

lamina_status lamina_model_save(const lamina_model* model, const char* path) {
  return guard([&] {
    require_pointer(model, "lamina_model_save", "model");
    require_pointer(path, "lamina_model_save", "path");
    lamina::save(model->model, path);
  });
}

void lamina_model_free(lamina_model* model) { delete model; }

lamina_status lamina_model_text(const lamina_model* model, char* buffer, size_t capacity,
                                size_t* length) {
  return guard([&] {
    require_pointer(model, "lamina_model_text", "model");
    if (capacity > 0) require_pointer(buffer, "lamina_model_text", "buffer");
    std::ostringstream stream;
    stream << model->model;
    const std::string text = std::move(stream).str();
    if (capacity > 0) {
      const std::size_t count = std::min(text.size(), capacity - 1);
      std::memcpy(buffer, text.data(), count);
      buffer[count] = '\0';
    }
    if (length != nullptr) *length = text.size();
  });
}

const char* lamina_model_label(const lamina_model* model, int64_t index) {
  if (model == nullptr) return nullptr;
  const auto& labels = model->model.info().labels;
  const auto at = static_cast<std::size_t>(index);
  return index >= 0 && at < labels.size() ? labels[at].c_str() : nullptr;
}

int64_t lamina_model_tensor_count(const lamina_model* model) {
  return model != nullptr ? static_cast<int64_t>(model->state.size()) : 0;
}

const char* lamina_model_tensor_name(const lamina_model* model, int64_t index) {
  if (index < 0 || index >= lamina_model_tensor_count(model)) return nullptr;
  return model->state.begin()[index].first.c_str();
}

lamina_status lamina_model_tensor(const lamina_model* model, const char* name,
                                  lamina_tensor* tensor) {
  return guard([&] {
    require_pointer(model, "lamina_model_tensor", "model");
    require_pointer(name, "lamina_model_tensor", "name");
    require_pointer(tensor, "lamina_model_tensor", "tensor");
    *tensor = lamina::capi::to_c(model->state.at(name));
  });
}
