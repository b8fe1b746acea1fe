#include "triton/config.h"

#include "core/require.h"

#include <nlohmann/json.hpp>

#include <charconv>

namespace lamina::triton {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t kUsualBatch = 8;
constexpr std::int64_t kMostThreads = 1024;
constexpr const char* kFloat = "TYPE_FP32";

ordered_json parse(const std::string& config) {
  ordered_json value = ordered_json::parse(config, nullptr, false);
  LAMINA_REQUIRE(value.is_object(), "[triton] the server's model configuration is no JSON object");
  return value;
}

std::string text_at(const ordered_json& value, const char* key) {
  const auto at = value.find(key);
  return at != value.end() && at->is_string() ? at->get<std::string>() : std::string();
}

// protobuf's JSON writes 64-bit numbers as numbers or as strings.
std::int64_t whole_number(const ordered_json& value, const std::string& what) {
  if (value.is_number_integer()) return value.get<std::int64_t>();
  std::int64_t number = 0;
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  LAMINA_REQUIRE(error == std::errc() && end == text.data() + text.size(),
                 "[triton] {} is no whole number: '{}'", what, text);
  return number;
}

std::int64_t max_batch_of(const ordered_json& config) {
  const auto at = config.find("max_batch_size");
  return at == config.end() ? 0 : whole_number(*at, "max_batch_size");
}

bool has_entries(const ordered_json& config, const char* key) {
  const auto at = config.find(key);
  return at != config.end() && at->is_array() && !at->empty();
}

ordered_json tensor_entry(const char* name, const std::vector<std::int64_t>& dims) {
  return {{"name", name}, {"data_type", kFloat}, {"dims", dims}};
}

// The one entry of "input" or "output", which must be called `name` and hold floats.
std::vector<std::int64_t> dims_of(const ordered_json& config, const std::string& which,
                                  const char* name, const std::vector<std::int64_t>& expected) {
  const std::string want =
      fmt::format("the model has one {}, '{}', {} {}", which, name, kFloat, to_string(expected));
  LAMINA_REQUIRE(has_entries(config, which.c_str()), "[triton] no {}: {}", which, want);
  const ordered_json& entries = config[which];
  LAMINA_REQUIRE(entries.size() == 1, "[triton] {} {}s: {}", entries.size(), which, want);
  const ordered_json& entry = entries[0];
  LAMINA_REQUIRE(text_at(entry, "name") == name, "[triton] {} '{}': {}", which,
                 text_at(entry, "name"), want);
  LAMINA_REQUIRE(text_at(entry, "data_type") == kFloat, "[triton] {} '{}' has data_type {}: {}",
                 which, name, text_at(entry, "data_type"), want);
  std::vector<std::int64_t> dims;
  for (const ordered_json& size : entry.value("dims", ordered_json::array())) {
    dims.push_back(whole_number(size, fmt::format("a size of {} '{}'", which, name)));
  }
  return dims;
}

void read_image(const ordered_json& config, const Model& model, const Signature& signature,
                ServingConfig& result) {
  result.image = dims_of(config, "input", kInputName, signature.image);
  LAMINA_REQUIRE(result.image.size() == 3,
                 "[triton] input '{}' has dims {}: expected [c, h, w], {} for instance; the images "
                 "of a batch are counted by max_batch_size",
                 kInputName, to_string(result.image), to_string(signature.image));
  for (const std::int64_t size : result.image) {
    LAMINA_REQUIRE(size == -1 || size > 0, "[triton] input '{}' has dims {}", kInputName,
                   to_string(result.image));
  }
  LAMINA_REQUIRE(result.image[0] == signature.image[0],
                 "[triton] input '{}' has dims {}: the model takes {} channels", kInputName,
                 to_string(result.image), signature.image[0]);
  try {
    result.classes = result.any_size() ? signature.classes : classes_of(model, result.image);
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(fmt::format("[triton] input '{}' has dims {}: {}", kInputName,
                                      to_string(result.image), error.what()));
  }
  const auto logits = dims_of(config, "output", kOutputName, {result.classes});
  LAMINA_REQUIRE(logits == std::vector<std::int64_t>{result.classes},
                 "[triton] output '{}' has dims {}: the model gives [{}]", kOutputName,
                 to_string(logits), result.classes);
}

void read_parameters(const ordered_json& config, ServingConfig& result) {
  const auto parameters = config.find("parameters");
  if (parameters == config.end()) return;
  for (const auto& [key, value] : parameters->items()) {
    const std::string text = text_at(value, "string_value");
    if (key == "precision") {
      result.precision = text;
    } else if (key == "threads") {
      const std::int64_t threads = whole_number(text, "parameter 'threads'");
      LAMINA_REQUIRE(threads >= 0 && threads <= kMostThreads,
                     "[triton] parameter 'threads' is {}, not from 0 (all) to {}", threads,
                     kMostThreads);
      result.threads = static_cast<int>(threads);
    } else if (!key.starts_with("TRITON_")) {  // those are the server's own
      throw InvalidArgument(
          fmt::format("[triton] unknown parameter '{}': there are precision and threads", key));
    }
  }
}

}  // namespace

std::string model_file_name(const std::string& config) {
  const std::string name = text_at(parse(config), "default_model_filename");
  return name.empty() ? "model.lamina" : name;
}

std::string completed_config(const std::string& config, const Signature& signature) {
  ordered_json value = parse(config);
  const bool has_input = has_entries(value, "input"), has_output = has_entries(value, "output");
  if (!has_input && !has_output && max_batch_of(value) == 0) value["max_batch_size"] = kUsualBatch;
  if (!has_input) value["input"] = {tensor_entry(kInputName, signature.image)};
  if (!has_output) value["output"] = {tensor_entry(kOutputName, {signature.classes})};
  const bool scheduled = value.contains("dynamic_batching") ||
                         value.contains("sequence_batching") ||
                         value.contains("ensemble_scheduling");
  if (!scheduled && max_batch_of(value) > 1) value["dynamic_batching"] = ordered_json::object();
  return value.dump();
}

ServingConfig read_config(const std::string& config, const Model& model) {
  const ordered_json value = parse(config);
  ServingConfig result;
  result.max_batch = max_batch_of(value);
  LAMINA_REQUIRE(result.max_batch >= 0, "[triton] max_batch_size is {}", result.max_batch);
  if (value.contains("sequence_batching")) {
    throw Unsupported("[triton] sequence_batching: the model keeps nothing between requests");
  }
  read_image(value, model, signature_of(model), result);
  read_parameters(value, result);
  return result;
}

}  // namespace lamina::triton
