#include <lamina/nn/layer_registry.h>

#include <lamina/core/error.h>

#include "core/nearest.h"
#include "nn/factories.h"

#include <fmt/format.h>

namespace lamina::nn {
namespace {

[[noreturn]] void bad_field(const LayerSpec& spec, std::string_view name, const char* problem) {
  throw FormatError(FormatErrc::bad_field,
                    fmt::format("argument '{}' of {} {}", name, spec.type, problem));
}

// A factory knows its children's names and not its own place: each make() on the way out adds what
// it knows of the path.
class LayerError : public FormatError {
 public:
  LayerError(FormatErrc code, const std::string& problem, const std::string& path,
             const std::string& hint)
      : FormatError(code, problem + (path.empty() ? ": the model" : ": layer '" + path + "'"),
                    hint),
        problem_(problem),
        path_(path) {}

  LayerError below(const std::string& parent) const {
    const bool top = parent.empty() || path_.empty();
    return {code(), problem_, parent + (top ? "" : ".") + path_, hint()};
  }

 private:
  std::string problem_, path_;
};

template <typename T>
T arg_as(const LayerSpec& spec, std::string_view name, const char* expected) {
  const ArgValue* value = spec.find_arg(name);
  if (value == nullptr) bad_field(spec, name, "is missing");
  if (const T* typed = std::get_if<T>(value)) return *typed;
  bad_field(spec, name, expected);
}

}  // namespace

std::int64_t arg_int(const LayerSpec& spec, std::string_view name) {
  return arg_as<std::int64_t>(spec, name, "is not a whole number");
}

std::int64_t arg_int(const LayerSpec& spec, std::string_view name, std::int64_t fallback) {
  return spec.find_arg(name) == nullptr ? fallback : arg_int(spec, name);
}

double arg_double(const LayerSpec& spec, std::string_view name, double fallback) {
  const ArgValue* value = spec.find_arg(name);
  if (value == nullptr) return fallback;
  if (const auto* whole = std::get_if<std::int64_t>(value)) return static_cast<double>(*whole);
  return arg_as<double>(spec, name, "is not a number");
}

bool arg_bool(const LayerSpec& spec, std::string_view name, bool fallback) {
  if (spec.find_arg(name) == nullptr) return fallback;
  return arg_as<bool>(spec, name, "is neither true nor false");
}

ArgValue to_arg(const Size2& size) {
  if (!size.scalar) return std::vector<std::int64_t>{size.h, size.w};
  if (size.h == Size2::kNone) return std::monostate{};
  return size.h;
}

Size2 arg_size2(const LayerSpec& spec, std::string_view name) {
  const ArgValue* value = spec.find_arg(name);
  if (value == nullptr) bad_field(spec, name, "is missing");
  if (std::holds_alternative<std::monostate>(*value)) return Size2(Size2::kNone);
  if (const auto* both = std::get_if<std::int64_t>(value)) return Size2(*both);
  const auto* pair = std::get_if<std::vector<std::int64_t>>(value);
  if (pair == nullptr || pair->size() != 2) bad_field(spec, name, "is neither a number nor a pair");
  return {(*pair)[0], (*pair)[1]};
}

Size2 arg_size2(const LayerSpec& spec, std::string_view name, Size2 fallback) {
  return spec.find_arg(name) == nullptr ? fallback : arg_size2(spec, name);
}

LayerRegistry LayerRegistry::builtin() {
  LayerRegistry registry;
  registry.add("AdaptiveAvgPool2d", make_adaptive_avg_pool2d);
  registry.add("AvgPool2d", make_avg_pool2d);
  registry.add("BatchNorm1d", make_batch_norm1d);
  registry.add("BatchNorm2d", make_batch_norm2d);
  registry.add("Conv2d", make_conv2d);
  registry.add("Dropout", make_dropout);
  registry.add("Flatten", make_flatten);
  registry.add("Identity", make_identity);
  registry.add("Linear", make_linear);
  registry.add("MaxPool2d", make_max_pool2d);
  registry.add("ReLU", make_relu);
  registry.add("Sequential", make_sequential);
  registry.add("Softmax", make_softmax);
  return registry;
}

void LayerRegistry::add(std::string type, Factory factory) {
  factories_.insert_or_assign(std::move(type), std::move(factory));
}

std::shared_ptr<Module> LayerRegistry::make(const LayerSpec& spec, const std::string& path) const {
  const auto found = factories_.find(spec.type);
  if (found == factories_.end()) {
    std::vector<std::string> types;
    for (const auto& [type, factory] : factories_) types.push_back(type);
    const auto nearest = nearest_name(spec.type, types);
    throw LayerError(FormatErrc::unknown_layer, fmt::format("unknown layer type '{}'", spec.type),
                     path, nearest ? fmt::format("did you mean '{}'?", *nearest) : "");
  }
  try {
    return found->second(spec, *this);
  } catch (const LayerError& error) {
    throw error.below(path);
  } catch (const FormatError& error) {
    throw LayerError(error.code(), error.what(), path, error.hint());
  } catch (const InvalidArgument& error) {  // a layer that cannot be: the file is to blame
    throw LayerError(FormatErrc::bad_field, error.what(), path, error.hint());
  }
}

}  // namespace lamina::nn
