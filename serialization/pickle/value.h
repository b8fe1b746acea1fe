// What a pickle describes: a tree of plain values and inert objects.
#pragma once

#include "serialization/pickle/arena.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lamina::serialization::pickle {

struct Object;

enum class Kind : std::uint8_t {
  none,
  boolean,
  integer,
  big_integer,  ///< one that needs more than 64 bits: its little-endian bytes
  real,
  string,  ///< not always UTF-8: Python 2 wrote bytes
  bytes,
  tuple,
  object
};

/// Sixteen bytes, copied freely. Text and tuples point into the file or an arena.
struct Value {
  Kind kind = Kind::none;
  std::uint32_t length = 0;  // of text and tuples
  union {
    bool boolean;
    std::int64_t integer = 0;
    double real;
    const char* text;
    const Value* items;
    Object* object;
  };

  static Value of(bool value) {
    return with(Kind::boolean, [&](Value& v) { v.boolean = value; });
  }
  static Value of(std::int64_t value) {
    return with(Kind::integer, [&](Value& v) { v.integer = value; });
  }
  static Value of(double value) {
    return with(Kind::real, [&](Value& v) { v.real = value; });
  }
  static Value of(Object* value) {
    return with(Kind::object, [&](Value& v) { v.object = value; });
  }
  /// Requires: fewer than 2^32 bytes, items.
  static Value text_of(Kind kind, std::string_view text) {
    Value value = with(kind, [&](Value& v) { v.text = text.data(); });
    value.length = static_cast<std::uint32_t>(text.size());
    return value;
  }
  static Value of(std::span<const Value> items) {
    Value value = with(Kind::tuple, [&](Value& v) { v.items = items.data(); });
    value.length = static_cast<std::uint32_t>(items.size());
    return value;
  }

  bool is(Kind wanted) const { return kind == wanted; }
  std::string_view view() const { return {text, length}; }
  std::span<const Value> tuple() const { return {items, length}; }

 private:
  template <typename F>
  static Value with(Kind kind, F&& set) {
    Value value;
    value.kind = kind;
    set(value);
    return value;
  }
};
static_assert(sizeof(Value) == 16);

enum class ObjectKind : std::uint8_t { list, set, dict, global, record, storage, tensor, array };

struct Object {
  ObjectKind kind;
};

struct List : Object {  // also a set
  explicit List(ObjectKind which) : Object{which} {}
  ArenaVector<Value> items;
};

/// In the order of the file. A key may stand twice: the last one counts, as in Python.
struct Dict : Object {
  using Item = std::pair<Value, Value>;
  Dict() : Object{ObjectKind::dict} {}
  ArenaVector<Item> items;
  Value state;  ///< attributes, such as an OrderedDict's `_metadata`
};

struct Builder;
struct Global;

/// What is done where a pickle calls a known global: the object that the call stands for.
using Call = Value (*)(Builder& builder, const Global& global, std::span<const Value> args);

/// A class or function that a pickle names: two names, never a thing that could be run.
struct Global : Object {
  Global(std::string_view module_name, std::string_view own_name)
      : Object{ObjectKind::global}, module(module_name), name(own_name) {}
  std::string_view module, name;
  Call call = nullptr;        ///< nullptr: unknown, a call is refused
  const void* tag = nullptr;  ///< whatever the environment that knows it wants to remember
};

/// An object of a class that is not known: its name, and what would have been given to it.
struct Record : Object {
  Record(const Global& its_type, std::span<const Value> its_args)
      : Object{ObjectKind::record}, type(&its_type), args(its_args) {}
  const Global* type;
  std::span<const Value> args;
  Value state;
  ArenaVector<Value> items;         ///< appended
  ArenaVector<Dict::Item> members;  ///< set by key
};

/// The object as T, or nullptr where the value is another thing. T has a `static constexpr
/// ObjectKind kKind`, or is one of those above.
template <typename T>
inline constexpr ObjectKind object_kind_of = T::kKind;
template <>
inline constexpr ObjectKind object_kind_of<List> = ObjectKind::list;
template <>
inline constexpr ObjectKind object_kind_of<Dict> = ObjectKind::dict;
template <>
inline constexpr ObjectKind object_kind_of<Global> = ObjectKind::global;
template <>
inline constexpr ObjectKind object_kind_of<Record> = ObjectKind::record;

template <typename T>
T* as(const Value& value) {
  if (!value.is(Kind::object) || value.object->kind != object_kind_of<T>) return nullptr;
  return static_cast<T*>(value.object);
}

/// "os.system"
std::string full_name(const Global& global);

/// The member of that name; nullptr where there is none.
const Value* find(const Dict& dict, std::string_view key);

/// "a dict", "torch.optim.sgd.SGD", "None": for messages.
std::string describe(const Value& value);

}  // namespace lamina::serialization::pickle
