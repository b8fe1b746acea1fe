// The instructions that name classes and functions, make objects and fill them.
#include "serialization/pickle/policy.h"
#include "serialization/pickle/text_values.h"
#include "serialization/pickle/unpickler.h"

#include <array>
#include <vector>

namespace lamina::serialization::pickle {

bool Unpickler::run_object(Opcode op) {
  switch (op) {
    case Opcode::global: {
      const std::string_view module = cursor_.take_line();
      push_global(module, cursor_.take_line());
      return true;
    }
    case Opcode::stack_global: {
      const Value name = pop(), module = pop();
      if (!name.is(Kind::string) || !module.is(Kind::string)) {
        builder_.fail("a global whose name is {}", describe(name.is(Kind::string) ? module : name));
      }
      push_global(module.view(), name.view());
      return true;
    }
    case Opcode::persid: {
      const Value id = Value::text_of(Kind::string, cursor_.take_line());
      push(environment_.persistent_load(builder_, id));
      return true;
    }
    case Opcode::binpersid: push(environment_.persistent_load(builder_, pop())); return true;
    case Opcode::reduce: {
      const Value args = arguments_of(pop());
      push(call(pop(), args.tuple()));
      return true;
    }
    case Opcode::newobj: {
      const Value args = arguments_of(pop());
      push(make_instance(pop(), args.tuple()));
      return true;
    }
    case Opcode::newobj_ex: {
      (void)pop();  // keyword arguments
      const Value args = arguments_of(pop());
      push(call(pop(), args.tuple()));
      return true;
    }
    case Opcode::inst: {
      const std::string_view module = cursor_.take_line();
      push_global(module, cursor_.take_line());
      const Value type = pop();
      const std::vector<Value> args(since_mark().begin(), since_mark().end());
      drop(since_mark());
      push(call(type, args));
      return true;
    }
    case Opcode::obj: {
      const std::vector<Value> items(since_mark().begin(), since_mark().end());
      drop(since_mark());
      if (items.empty()) builder_.fail("an object without a class");
      push(call(items[0], std::span(items).subspan(1)));
      return true;
    }
    case Opcode::build: build(); return true;
    case Opcode::ext1:
    case Opcode::ext2:
    case Opcode::ext4:
      throw_unsafe(cursor_, "an entry of Python's extension registry, which could be anything");
    case Opcode::next_buffer:
    case Opcode::readonly_buffer: builder_.fail("its buffers are not in the file");
    default: return false;
  }
}

void Unpickler::push_global(std::string_view module, std::string_view name) {
  constexpr std::size_t kMaxBytes = 4096;  // a message quotes it several times over
  if (module.size() > kMaxBytes || name.size() > kMaxBytes) {
    builder_.fail("a global whose name has {} bytes", module.size() + name.size());
  }
  auto* const global = builder_.arena.make<Global>(module, name);
  // Names are looked up as a pair of plain words: "os" and "path.system" would be two, too.
  if (!environment_.know(*global) && is_never_data(module, name)) {
    throw_unsafe(cursor_, full_name(*global));
  }
  push(Value::of(global));
}

Value Unpickler::arguments_of(const Value& args) {
  if (!args.is(Kind::tuple)) builder_.fail("arguments that are {}", describe(args));
  return args;
}

void Unpickler::refuse(const Value& callee, const char* how) {
  throw_unsafe(cursor_, fmt::format("{}{}", describe(callee), how));
}

Value Unpickler::call(const Value& callee, std::span<const Value> args) {
  const Global* const global = as<Global>(callee);
  if (global == nullptr || global->call == nullptr) refuse(callee, "");
  return global->call(builder_, *global, args);
}

// `type.__new__(type, *args)`: of an unknown class nothing comes of it but its name.
Value Unpickler::make_instance(const Value& type, std::span<const Value> args) {
  const Global* const global = as<Global>(type);
  if (global == nullptr) refuse(type, "");
  if (global->call != nullptr) return global->call(builder_, *global, args);
  return Value::of(builder_.record(*global, args));
}

// An attribute such as __setstate__ or __reduce_ex__ would be called by what comes next.
void Unpickler::check_state(const Value& state) {
  if (state.is(Kind::tuple)) {
    for (const Value& part : state.tuple()) {
      if (as<Dict>(part) != nullptr) check_state(part);
    }
  }
  const Dict* const dict = as<Dict>(state);
  if (dict == nullptr) return;
  for (const auto& [key, value] : dict->items) {
    const bool dunder = key.is(Kind::string) && key.view().starts_with("__");
    if (dunder && as<Global>(value) != nullptr)
      refuse(value, fmt::format(" as {}", key.view()).c_str());
  }
}

void Unpickler::build() {
  const Value state = pop();
  const Value& target = top();
  check_state(state);
  if (auto* const dict = as<Dict>(target)) {
    dict->state = state;
  } else if (auto* const record = as<Record>(target)) {
    record->state = state;
  } else if (as<Global>(target) != nullptr) {
    refuse(target, ", whose attributes it sets");
  } else if (target.is(Kind::object) && target.object->kind != ObjectKind::list &&
             target.object->kind != ObjectKind::set) {
    environment_.set_state(builder_, *target.object, state);
  } else {
    builder_.fail("sets attributes of {}", describe(target));
  }
}

void Unpickler::append(const Value& target, std::span<const Value> items) {
  Arena& arena = builder_.arena;
  const bool is_list = target.is(Kind::object) && (target.object->kind == ObjectKind::list ||
                                                   target.object->kind == ObjectKind::set);
  auto* const record = as<Record>(target);
  if (!is_list && record == nullptr) builder_.fail("appends to {}", describe(target));
  ArenaVector<Value>& list = is_list ? static_cast<List*>(target.object)->items : record->items;
  for (const Value& item : items) list.push_back(arena, item);
}

void Unpickler::set_items(const Value& target, std::span<const Value> pairs) {
  Arena& arena = builder_.arena;
  auto* const dict = as<Dict>(target);
  auto* const record = as<Record>(target);
  if (dict == nullptr && record == nullptr) builder_.fail("sets an item of {}", describe(target));
  if (pairs.size() % 2 != 0) builder_.fail("a key without a value");
  ArenaVector<Dict::Item>& members = dict != nullptr ? dict->items : record->members;
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    members.push_back(arena, {pairs[i], pairs[i + 1]});
  }
}

}  // namespace lamina::serialization::pickle
