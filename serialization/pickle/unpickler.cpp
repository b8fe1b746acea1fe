#include "serialization/pickle/unpickler.h"

#include "serialization/pickle/text_values.h"

#include <limits>

namespace lamina::serialization::pickle {

Value Unpickler::load() {
  stack_.clear();
  marks_.clear();
  memo_.clear();
  for (std::int64_t count = 0; count < kMaxOpcodes; ++count) {
    const auto op = cursor_.read<Opcode>();
    if (op == Opcode::stop) {
      if (stack_.size() != 1 || !marks_.empty()) {
        builder_.fail("ends with {} values, expected one", stack_.size());
      }
      return stack_.back();
    }
    run(op);
  }
  cursor_.fail(FormatErrc::limit, "too long: more than {} instructions", kMaxOpcodes);
}

void Unpickler::run(Opcode op) {
  const bool known = run_number(op) || run_text(op) || run_tuple(op) || run_container(op) ||
                     run_memo(op) || run_stack(op) || run_object(op);
  if (!known) builder_.fail("no instruction has the code 0x{:02x}", static_cast<unsigned>(op));
}

bool Unpickler::run_number(Opcode op) {
  switch (op) {
    case Opcode::none: push({}); return true;
    case Opcode::newtrue: push(Value::of(true)); return true;
    case Opcode::newfalse: push(Value::of(false)); return true;
    case Opcode::binint: push(Value::of(std::int64_t{cursor_.read<std::int32_t>()})); return true;
    case Opcode::binint1: push(Value::of(std::int64_t{cursor_.read<std::uint8_t>()})); return true;
    case Opcode::binint2: push(Value::of(std::int64_t{cursor_.read<std::uint16_t>()})); return true;
    case Opcode::binfloat: push(Value::of(cursor_.read_big_endian_double())); return true;
    case Opcode::integer:
    case Opcode::long_text: push(parse_integer(builder_, cursor_.take_line())); return true;
    case Opcode::real: push(parse_real(builder_, cursor_.take_line())); return true;
    case Opcode::long1:
    case Opcode::long4: {
      const std::uint32_t length =
          op == Opcode::long1 ? cursor_.read<std::uint8_t>() : cursor_.read<std::uint32_t>();
      const std::string_view bytes = cursor_.take(length);
      if (length > sizeof(std::int64_t)) {
        push(Value::text_of(Kind::big_integer, bytes));
        return true;
      }
      const bool negative = !bytes.empty() && (bytes.back() & 0x80) != 0;
      std::int64_t value = negative ? -1 : 0;  // the bytes not written repeat the sign
      std::memcpy(&value, bytes.data(), bytes.size());
      push(Value::of(value));
      return true;
    }
    default: return false;
  }
}

bool Unpickler::run_text(Opcode op) {
  switch (op) {
    case Opcode::short_binstring:
    case Opcode::short_binunicode: push_text(Kind::string, cursor_.read<std::uint8_t>()); break;
    case Opcode::binstring:
    case Opcode::binunicode: push_text(Kind::string, cursor_.read<std::uint32_t>()); break;
    case Opcode::binunicode8: push_text(Kind::string, cursor_.read<std::uint64_t>()); break;
    case Opcode::short_binbytes: push_text(Kind::bytes, cursor_.read<std::uint8_t>()); break;
    case Opcode::binbytes: push_text(Kind::bytes, cursor_.read<std::uint32_t>()); break;
    case Opcode::binbytes8:
    case Opcode::bytearray8: push_text(Kind::bytes, cursor_.read<std::uint64_t>()); break;
    case Opcode::string: push(parse_quoted(builder_, cursor_.take_line())); break;
    case Opcode::unicode: push(parse_raw_unicode(builder_, cursor_.take_line())); break;
    default: return false;
  }
  return true;
}

void Unpickler::push_text(Kind kind, std::uint64_t length) {
  if (length > std::numeric_limits<std::uint32_t>::max()) {
    cursor_.fail(FormatErrc::limit, "too large: a text of {} bytes", length);
  }
  push(Value::text_of(kind, cursor_.take(length)));
}

bool Unpickler::run_tuple(Opcode op) {
  switch (op) {
    case Opcode::empty_tuple: push(Value::of(std::span<const Value>())); return true;
    case Opcode::tuple: {
      const std::span<const Value> items = since_mark();
      const Value made = builder_.tuple(items);
      drop(items);
      push(made);
      return true;
    }
    case Opcode::tuple1:
    case Opcode::tuple2:
    case Opcode::tuple3: {
      const std::size_t count = static_cast<std::size_t>(op) - 0x84;
      std::array<Value, 3> items;
      for (std::size_t i = count; i-- > 0;) items[i] = pop();
      push(builder_.tuple(std::span(items).first(count)));
      return true;
    }
    default: return false;
  }
}

bool Unpickler::run_container(Opcode op) {
  switch (op) {
    case Opcode::empty_list: push(Value::of(builder_.list())); return true;
    case Opcode::empty_dict: push(Value::of(builder_.dict())); return true;
    case Opcode::empty_set: push(Value::of(builder_.list(ObjectKind::set))); return true;
    case Opcode::append: {
      const std::array item{pop()};
      append(top(), item);
      return true;
    }
    case Opcode::setitem: {
      const Value value = pop(), key = pop();
      set_items(top(), std::array{key, value});
      return true;
    }
    default: break;
  }
  const bool fills = op == Opcode::appends || op == Opcode::additems || op == Opcode::setitems;
  const bool makes = op == Opcode::list || op == Opcode::dict || op == Opcode::frozenset;
  if (!fills && !makes) return false;
  const std::span<const Value> items = since_mark();
  const std::vector<Value> taken(items.begin(), items.end());
  drop(items);
  if (op == Opcode::list) push(Value::of(builder_.list()));
  if (op == Opcode::dict) push(Value::of(builder_.dict()));
  if (op == Opcode::frozenset) push(Value::of(builder_.list(ObjectKind::set)));
  if (op == Opcode::dict || op == Opcode::setitems) {
    set_items(top(), taken);
  } else {
    append(top(), taken);
  }
  return true;
}

bool Unpickler::run_memo(Opcode op) {
  switch (op) {
    case Opcode::binput: remember(cursor_.read<std::uint8_t>()); return true;
    case Opcode::long_binput: remember(cursor_.read<std::uint32_t>()); return true;
    case Opcode::memoize: remember(memo_.size()); return true;
    case Opcode::binget: recall(cursor_.read<std::uint8_t>()); return true;
    case Opcode::long_binget: recall(cursor_.read<std::uint32_t>()); return true;
    case Opcode::put:
    case Opcode::get: {
      const Value index = parse_integer(builder_, cursor_.take_line());
      if (!index.is(Kind::integer) || index.integer < 0) builder_.fail("a bad memo index");
      const auto place = static_cast<std::uint64_t>(index.integer);
      op == Opcode::put ? remember(place) : recall(place);
      return true;
    }
    default: return false;
  }
}

void Unpickler::remember(std::uint64_t index) {
  // Writers number from zero or one upwards; a gap larger than what was written is not theirs.
  constexpr std::uint64_t kGap = 1024;
  if (index > memo_.size() + kGap || index >= kMaxMemo) {
    cursor_.fail(FormatErrc::limit, "memo index {} is out of all proportion", index);
  }
  if (index >= memo_.size()) memo_.resize(static_cast<std::size_t>(index) + 1);
  memo_[static_cast<std::size_t>(index)] = top();
}

void Unpickler::recall(std::uint64_t index) {
  if (index >= memo_.size()) builder_.fail("memo index {} was never set", index);
  push(memo_[static_cast<std::size_t>(index)]);
}

bool Unpickler::run_stack(Opcode op) {
  switch (op) {
    case Opcode::proto: {
      constexpr int kNewestProtocol = 5;
      const int protocol = cursor_.read<std::uint8_t>();
      if (protocol > kNewestProtocol) {
        cursor_.fail(FormatErrc::unsupported_version, "pickle protocol {}, known are 0 to {}",
                     protocol, kNewestProtocol);
      }
      return true;
    }
    case Opcode::frame: {
      const auto length = cursor_.read<std::uint64_t>();
      if (length > cursor_.left()) {
        cursor_.fail(FormatErrc::truncated, "truncated: a frame of {} bytes", length);
      }
      return true;
    }
    case Opcode::mark:
      if (marks_.size() >= kMaxStack)
        cursor_.fail(FormatErrc::limit, "more than {} marks", kMaxStack);
      marks_.push_back(stack_.size());
      return true;
    case Opcode::pop:
      if (!marks_.empty() && marks_.back() == stack_.size()) {
        marks_.pop_back();  // as Python: a mark is a value of the stack
      } else {
        (void)pop();
      }
      return true;
    case Opcode::pop_mark: drop(since_mark()); return true;
    case Opcode::dup: push(top()); return true;
    default: return false;
  }
}

void Unpickler::push(const Value& value) {
  if (stack_.size() >= kMaxStack) {
    cursor_.fail(FormatErrc::limit, "more than {} values at once", kMaxStack);
  }
  stack_.push_back(value);
}

Value& Unpickler::top() {
  const std::size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() <= floor) builder_.fail("takes a value that is not there");
  return stack_.back();
}

Value Unpickler::pop() {
  const Value value = top();
  stack_.pop_back();
  return value;
}

std::span<const Value> Unpickler::since_mark() {
  if (marks_.empty()) builder_.fail("takes values from a mark that is not there");
  return std::span(stack_).subspan(marks_.back());
}

// Requires: items are what since_mark() gave.
void Unpickler::drop(std::span<const Value> items) {
  stack_.resize(stack_.size() - items.size());
  marks_.pop_back();
}

}  // namespace lamina::serialization::pickle
