#include "serialization/pickle/value.h"

#include <fmt/format.h>

namespace lamina::serialization::pickle {

std::string full_name(const Global& global) {
  return fmt::format("{}.{}", global.module, global.name);
}

const Value* find(const Dict& dict, std::string_view key) {
  const Value* found = nullptr;
  for (const auto& [name, value] : dict.items) {
    if (name.is(Kind::string) && name.view() == key) found = &value;
  }
  return found;
}

namespace {

std::string describe_object(const Object& object) {
  switch (object.kind) {
    case ObjectKind::list: return "a list";
    case ObjectKind::set: return "a set";
    case ObjectKind::dict: return "a dict";
    case ObjectKind::global: return full_name(static_cast<const Global&>(object));
    case ObjectKind::record: return full_name(*static_cast<const Record&>(object).type);
    case ObjectKind::storage: return "a storage";
    case ObjectKind::tensor: return "a tensor";
    case ObjectKind::array: return "a NumPy array";
  }
  return "an object";
}

}  // namespace

std::string describe(const Value& value) {
  switch (value.kind) {
    case Kind::none: return "None";
    case Kind::boolean: return "a bool";
    case Kind::integer:
    case Kind::big_integer: return "an int";
    case Kind::real: return "a float";
    case Kind::string: return "a str";
    case Kind::bytes: return "bytes";
    case Kind::tuple: return "a tuple";
    case Kind::object: return describe_object(*value.object);
  }
  return "a value";
}

}  // namespace lamina::serialization::pickle
