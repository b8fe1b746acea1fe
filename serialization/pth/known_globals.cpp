#include "serialization/pth/known_globals.h"

#include "serialization/pth/torch_objects.h"

#include <string>
#include <unordered_map>

namespace lamina::serialization {

using pickle::Builder;
using pickle::Global;
using pickle::Kind;
using pickle::Value;

namespace {

std::string key_of(std::string_view module, std::string_view name) {
  std::string key(module);
  key += '\n';  // stands in no name
  key += name;
  return key;
}

const std::unordered_map<std::string, pickle::Call>& calls() {
  static const auto map = [] {
    std::unordered_map<std::string, pickle::Call> made;
    for (const auto globals : {python_globals(), torch_globals(), numpy_globals()}) {
      for (const KnownGlobal& global : globals) {
        made.emplace(key_of(global.module, global.name), global.call);
      }
    }
    return made;
  }();
  return map;
}

}  // namespace

bool know_global(Global& global) {
  const bool may_be_type =
      global.module == "torch" || global.module == "torch.cuda" || global.module == "torch.storage";
  if (may_be_type) {
    global.tag = element_type_named(global.name);
    if (global.tag != nullptr) return true;
  }
  const auto found = calls().find(key_of(global.module, global.name));
  if (found == calls().end()) return false;
  global.call = found->second;
  return true;
}

Value keep_call(Builder& builder, const Global& global, Arguments args) {
  return Value::of(builder.record(global, builder.tuple(args).tuple()));
}

void require_arguments(const Builder& builder, const Global& global, Arguments args,
                       std::size_t count) {
  if (args.size() >= count) return;
  builder.fail("{} with {} arguments, expected {}", full_name(global), args.size(), count);
}

std::optional<std::span<const Value>> items_of(const Value& value) {
  if (value.is(Kind::tuple)) return value.tuple();
  if (!value.is(Kind::object)) return std::nullopt;
  if (value.object->kind != pickle::ObjectKind::list &&
      value.object->kind != pickle::ObjectKind::set) {
    return std::nullopt;
  }
  const auto& items = static_cast<const pickle::List*>(value.object)->items;
  return std::span(items.begin(), items.size());
}

std::int64_t integer_of(const Builder& builder, const Value& value) {
  if (!value.is(Kind::integer)) builder.fail("{}, expected an int", describe(value));
  return value.integer;
}

std::span<const std::int64_t> integers_of(Builder& builder, const Value& value) {
  const auto items = items_of(value);
  if (!items) builder.fail("{}, expected a tuple of ints", describe(value));
  const std::span<std::int64_t> integers = builder.arena.make_array<std::int64_t>(items->size());
  for (std::size_t i = 0; i < items->size(); ++i) integers[i] = integer_of(builder, (*items)[i]);
  return integers;
}

}  // namespace lamina::serialization
