#include "models/model_json.h"

#include "serialization/json_text.h"
#include "serialization/manifest.h"

#include <lamina/core/error.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unordered_set>

namespace lamina::models::detail {
namespace {

using nlohmann::ordered_json;  // keeps the order of arguments

// Far beyond any sensible model; a thousandth of what would trouble the recursion here.
constexpr int kMaxDepth = 32;
constexpr std::int64_t kMaxLayers = 100'000;
constexpr std::size_t kMaxNameLength = 512;
// An ordered_json looks for every key among all before it: many would take quadratic time.
constexpr std::size_t kMaxKeys = 256;

ordered_json to_value(const nn::ArgValue& value) {
  return std::visit(
      [](const auto& held) -> ordered_json {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::monostate>) {
          return nullptr;
        } else {
          return held;
        }
      },
      value);
}

ordered_json to_value(const nn::LayerSpec& spec) {
  ordered_json value = {{"type", spec.type}};
  for (const auto& [name, argument] : spec.args) value["args"][name] = to_value(argument);
  for (const auto& [name, child] : spec.children) {
    ordered_json named = {{"name", name}};
    named.update(to_value(child));
    value["children"].push_back(std::move(named));
  }
  return value;
}

class SpecReader {
 public:
  nn::LayerSpec read(const ordered_json& value, const std::string& path, int depth) {
    if (depth > kMaxDepth) {
      fail(FormatErrc::limit, path, "layers nest more than {} deep", kMaxDepth);
    }
    if (++layers_ > kMaxLayers) fail(FormatErrc::limit, path, "more than {} layers", kMaxLayers);
    if (!value.is_object()) fail(FormatErrc::bad_field, path, "expected a layer's object");

    nn::LayerSpec spec;
    spec.type = read_text(value, "type", path);
    if (const auto args = value.find("args"); args != value.end()) {
      if (!args->is_object()) fail(FormatErrc::bad_field, path, "'args' is not an object");
      for (const auto& [name, argument] : args->items()) {
        spec.args.emplace_back(name, read_argument(argument, name, path));
      }
    }
    if (const auto children = value.find("children"); children != value.end()) {
      read_children(*children, path, depth, spec);
    }
    return spec;
  }

 private:
  template <typename... Args>
  [[noreturn]] static void fail(FormatErrc code, const std::string& path,
                                fmt::format_string<Args...> format, Args&&... args) {
    throw FormatError(code, fmt::format("[model] layer '{}': {}", path,
                                        fmt::format(format, std::forward<Args>(args)...)));
  }

  void read_children(const ordered_json& children, const std::string& path, int depth,
                     nn::LayerSpec& spec) {
    if (!children.is_array()) fail(FormatErrc::bad_field, path, "'children' is not an array");
    std::unordered_set<std::string> names;
    for (const ordered_json& child : children) {
      if (!child.is_object()) fail(FormatErrc::bad_field, path, "a child is not an object");
      const std::string name = read_text(child, "name", path);
      if (name.find('.') != std::string::npos) {
        fail(FormatErrc::bad_name, path, "the child's name '{}' has a dot", name);
      }
      if (!names.insert(name).second) {
        fail(FormatErrc::duplicate_name, path, "two children are called '{}'", name);
      }
      spec.children.push_back(
          {name, read(child, path.empty() ? name : path + "." + name, depth + 1)});
    }
  }

  static std::string read_text(const ordered_json& value, const char* key,
                               const std::string& path) {
    const auto found = value.find(key);
    if (found == value.end() || !found->is_string()) {
      fail(FormatErrc::bad_field, path, "'{}' is missing or not a string", key);
    }
    const auto& text = found->get_ref<const std::string&>();
    if (text.empty() || text.size() > kMaxNameLength) {
      fail(FormatErrc::bad_name, path, "'{}' has {} bytes, expected 1 to {}", key, text.size(),
           kMaxNameLength);
    }
    return text;
  }

  static nn::ArgValue read_argument(const ordered_json& value, const std::string& name,
                                    const std::string& path) {
    if (value.is_null()) return std::monostate();
    if (value.is_boolean()) return value.get<bool>();
    if (is_int64(value)) return value.get<std::int64_t>();
    if (value.is_number_float()) return value.get<double>();
    if (value.is_string()) return value.get<std::string>();
    if (value.is_array() && std::all_of(value.begin(), value.end(), is_int64)) {
      return value.get<std::vector<std::int64_t>>();
    }
    fail(FormatErrc::bad_field, path, "argument '{}' is of no type that a layer takes", name);
  }

  // JSON numbers beyond int64 are parsed as unsigned or as double; neither is a size.
  static bool is_int64(const ordered_json& value) {
    return value.is_number_integer() &&
           !(value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX);
  }

  std::int64_t layers_ = 0;
};

}  // namespace

void check_model_text(std::string_view text, const char* what) {
  if (text.size() > serialization::kMaxModelBytes) {
    throw FormatError(FormatErrc::limit, fmt::format("[model] '{}' has {} bytes, at most {}", what,
                                                     text.size(), serialization::kMaxModelBytes));
  }
  serialization::check_json(text, what, {}, kMaxKeys);
}

std::string to_json(const nn::LayerSpec& spec) { return to_value(spec).dump(); }

nn::LayerSpec layer_spec_from_json(std::string_view text) {
  check_model_text(text, "model");
  return SpecReader().read(ordered_json::parse(text), "", 0);
}

}  // namespace lamina::models::detail
