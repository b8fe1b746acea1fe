#include "serialization/pth/find_weights.h"

#include "serialization/pth/known_globals.h"

#include <lamina/core/error.h>

#include "core/nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace lamina::serialization {
namespace {

using pickle::Dict;
using pickle::Kind;
using pickle::Record;
using pickle::Value;

constexpr std::array<std::string_view, 3> kCheckpointKeys{"state_dict", "model_state_dict",
                                                          "model"};

// Key and value of everything that has a name inside a value.
std::vector<std::pair<std::string, Value>> children_of(const Value& value) {
  std::vector<std::pair<std::string, Value>> children;
  const auto add_members = [&](std::span<const Dict::Item> members) {
    for (const auto& [key, child] : members) {
      if (auto text = key_text(key)) children.emplace_back(std::move(*text), child);
    }
  };
  const auto add_dict = [&](const Dict* dict) {
    if (dict != nullptr) add_members({dict->items.begin(), dict->items.size()});
  };
  add_dict(pickle::as<Dict>(value));
  if (const Record* const record = pickle::as<Record>(value)) {
    add_members({record->members.begin(), record->members.size()});
    const Dict* const attributes = attributes_of(*record);
    add_dict(attributes);
    // The children of a module are named as if they were its attributes, as in PyTorch.
    for (const char* const group : {"_parameters", "_buffers", "_modules"}) {
      const Value* const members = attributes ? find(*attributes, group) : nullptr;
      if (members != nullptr) add_dict(pickle::as<Dict>(*members));
    }
  }
  if (const auto items = items_of(value)) {
    for (std::size_t i = 0; i < items->size(); ++i) {
      children.emplace_back(std::to_string(i), (*items)[i]);
    }
  }
  return children;
}

[[noreturn]] void throw_no_key(std::string_view key, const Value& at,
                               const std::filesystem::path& file) {
  std::vector<std::string> names;
  for (auto& [name, child] : children_of(at)) names.push_back(std::move(name));
  constexpr std::size_t kShown = 12;
  const auto nearest = nearest_name(key, names);
  const bool more = names.size() > kShown;
  if (more) names.resize(kShown);
  throw InvalidArgument(
      fmt::format("[pth] nothing is called '{}' in {}: {}", key, describe(at), file.string()),
      nearest ? fmt::format("did you mean '{}'?", *nearest)
              : fmt::format("there are: {}{}", fmt::join(names, ", "), more ? ", …" : ""));
}

// A key may itself contain dots; the longest that fits is taken.
Value descend(Value value, std::string_view path, const std::filesystem::path& file) {
  while (!path.empty()) {
    const auto children = children_of(value);
    const std::pair<std::string, Value>* best = nullptr;
    for (const auto& child : children) {
      const std::string& name = child.first;
      const bool fits = path.starts_with(name) && !name.empty() &&
                        (path.size() == name.size() || path[name.size()] == '.');
      if (fits && (best == nullptr || name.size() >= best->first.size())) best = &child;
    }
    if (best == nullptr) throw_no_key(path.substr(0, path.find('.')), value, file);
    path.remove_prefix(std::min(path.size(), best->first.size() + 1));
    const Value next = best->second;
    value = next;
  }
  return value;
}

bool may_hold_weights(const Value& value) {
  const Record* const record = pickle::as<Record>(value);
  return pickle::as<Dict>(value) != nullptr ||
         (record != nullptr && (is_module(*record) || !record->members.empty()));
}

}  // namespace

const Dict* attributes_of(const Record& record) {
  if (const Dict* const dict = pickle::as<Dict>(record.state)) return dict;
  // (attributes, slots) of a class that has __slots__
  const auto parts = items_of(record.state);
  return parts && !parts->empty() ? pickle::as<Dict>((*parts)[0]) : nullptr;
}

bool is_module(const Record& record) {
  const Dict* const attributes = attributes_of(record);
  return attributes != nullptr && find(*attributes, "_parameters") != nullptr &&
         find(*attributes, "_modules") != nullptr;
}

std::optional<std::string> key_text(const Value& key) {
  if (key.is(Kind::string)) return std::string(key.view());
  if (key.is(Kind::integer)) return std::to_string(key.integer);
  return std::nullopt;
}

FoundWeights find_weights(const Value& root, const std::string& key,
                          const std::filesystem::path& file) {
  if (key == ".") return {root, {}};
  if (!key.empty()) return {descend(root, key, file), key};
  if (const Dict* const dict = pickle::as<Dict>(root)) {
    for (const std::string_view name : kCheckpointKeys) {
      const Value* const found = find(*dict, name);
      if (found != nullptr && may_hold_weights(*found)) return {*found, std::string(name)};
    }
  }
  return {root, {}};
}

}  // namespace lamina::serialization
