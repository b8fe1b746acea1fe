// The machine that a pickle is a program for, reduced to data: it builds values, and calls nothing
// but the few functions of ours that the environment knows.
#pragma once

#include "serialization/pickle/builder.h"
#include "serialization/pickle/opcodes.h"

#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

namespace lamina::serialization::pickle {

class Unpickler {
 public:
  /// What a pickle may use; real ones stay a hundred times below.
  static constexpr std::int64_t kMaxOpcodes = 8'000'000;
  static constexpr std::size_t kMaxStack = std::size_t{1} << 19;
  static constexpr std::size_t kMaxMemo = std::size_t{1} << 20;

  /// Reads from the cursor's place. All three must outlive the unpickler, the arena its values.
  Unpickler(ByteCursor& cursor, Arena& arena, Environment& environment)
      : cursor_(cursor), environment_(environment), builder_{arena, cursor, environment} {}

  /// One pickle, up to its STOP; the cursor stands behind it then.
  /// Errors:   FormatError: truncated, limit, unsupported_version (a protocol above 5), bad_field
  ///           (an instruction that makes no sense); Unsafe where the pickle would run code, with
  ///           the name of what it calls
  Value load();

 private:
  // Each runs one instruction if it is of its group.
  bool run_number(Opcode op);
  bool run_text(Opcode op);
  bool run_tuple(Opcode op);
  bool run_container(Opcode op);
  bool run_memo(Opcode op);
  bool run_stack(Opcode op);
  bool run_object(Opcode op);
  void run(Opcode op);

  void push(const Value& value);
  Value pop();
  Value& top();
  std::span<const Value> since_mark();
  void drop(std::span<const Value> items);
  void push_text(Kind kind, std::uint64_t length);
  void remember(std::uint64_t index);
  void recall(std::uint64_t index);

  void push_global(std::string_view module, std::string_view name);
  Value call(const Value& callee, std::span<const Value> args);
  Value make_instance(const Value& type, std::span<const Value> args);
  Value arguments_of(const Value& args);
  void build();
  void check_state(const Value& state);
  void append(const Value& target, std::span<const Value> items);
  void set_items(const Value& target, std::span<const Value> pairs);
  [[noreturn]] void refuse(const Value& callee, const char* how);

  ByteCursor& cursor_;
  Environment& environment_;
  Builder builder_;
  std::vector<Value> stack_;
  std::vector<std::size_t> marks_;
  std::deque<Value> memo_;  // grows without a copy
};

}  // namespace lamina::serialization::pickle
