// What code that answers a pickle's calls works with.
#pragma once

#include "serialization/pickle/byte_cursor.h"
#include "serialization/pickle/value.h"

#include <algorithm>
#include <span>
#include <string_view>

namespace lamina::serialization::pickle {

/// The world that a pickle believes in: which globals are known, what its persistent ids mean.
class Environment {
 public:
  virtual ~Environment() = default;

  /// Sets call and tag of a global that is known. Returns whether it is.
  virtual bool know(Global& global) = 0;
  /// The object that a persistent id stands for. Throws FormatError for one that means nothing.
  virtual Value persistent_load(Builder& builder, const Value& id) = 0;
  /// `state` is given to a storage, tensor or array (BUILD).
  virtual void set_state(Builder& builder, Object& object, const Value& state) = 0;
};

struct Builder {
  Arena& arena;
  const ByteCursor& cursor;
  Environment& environment;

  List* list(ObjectKind kind = ObjectKind::list) { return arena.make<List>(kind); }
  Dict* dict() { return arena.make<Dict>(); }
  Record* record(const Global& type, std::span<const Value> args) {
    return arena.make<Record>(type, args);
  }
  Value tuple(std::span<const Value> items) {
    const std::span<Value> copy = arena.make_array<Value>(items.size());
    std::ranges::copy(items, copy.begin());
    return Value::of(std::span<const Value>(copy));
  }
  Value text(Kind kind, std::string_view text) {
    const std::span<char> copy = arena.make_array<char>(text.size());
    std::ranges::copy(text, copy.begin());
    return Value::text_of(kind, {copy.data(), copy.size()});
  }

  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    cursor.fail(FormatErrc::bad_field, "bad pickle: {}",
                fmt::format(format, std::forward<Args>(args)...));
  }
};

}  // namespace lamina::serialization::pickle
