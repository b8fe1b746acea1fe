#include "serialization/pth/pickle_writer.h"

#include "serialization/pickle/opcodes.h"

#include <limits>

namespace lamina::serialization {
namespace {

using pickle::Opcode;

constexpr char code(Opcode op) { return static_cast<char>(op); }

template <typename T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
bool fits(std::int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

}  // namespace

PickleWriter::PickleWriter() : bytes_({code(Opcode::proto), 2}) {}

void PickleWriter::global(std::string_view module, std::string_view name) {
  std::string encoded(1, code(Opcode::global));
  for (const std::string_view line : {module, name}) encoded.append(line).append("\n");
  once(encoded);
}

void PickleWriter::text(std::string_view utf8) {
  std::string encoded(1, code(Opcode::binunicode));
  append(encoded, static_cast<std::uint32_t>(utf8.size()));
  once(encoded.append(utf8));
}

void PickleWriter::integer(std::int64_t value) {
  if (fits<std::uint8_t>(value)) {
    bytes_ += code(Opcode::binint1);
    append(bytes_, static_cast<std::uint8_t>(value));
  } else if (fits<std::uint16_t>(value)) {
    bytes_ += code(Opcode::binint2);
    append(bytes_, static_cast<std::uint16_t>(value));
  } else if (fits<std::int32_t>(value)) {
    bytes_ += code(Opcode::binint);
    append(bytes_, static_cast<std::int32_t>(value));
  } else {
    bytes_ += {code(Opcode::long1), static_cast<char>(sizeof value)};
    append(bytes_, value);
  }
}

void PickleWriter::boolean(bool value) {
  bytes_ += code(value ? Opcode::newtrue : Opcode::newfalse);
}

void PickleWriter::tuple(std::span<const std::int64_t> values) {
  constexpr Opcode kShort[] = {Opcode::empty_tuple, Opcode::tuple1, Opcode::tuple2, Opcode::tuple3};
  const bool is_short = values.size() < std::size(kShort);
  if (!is_short) mark();
  for (const std::int64_t value : values) integer(value);
  bytes_ += code(is_short ? kShort[values.size()] : Opcode::tuple);
}

void PickleWriter::mark() { bytes_ += code(Opcode::mark); }
void PickleWriter::end_tuple() { bytes_ += code(Opcode::tuple); }
void PickleWriter::end_items() { bytes_ += code(Opcode::setitems); }
void PickleWriter::reduce() { bytes_ += code(Opcode::reduce); }
void PickleWriter::persistent_id() { bytes_ += code(Opcode::binpersid); }

void PickleWriter::once(const std::string& encoded) {
  const auto [object, is_new] =
      memo_.try_emplace(encoded, static_cast<std::uint32_t>(memo_.size()));
  if (is_new) bytes_ += encoded;
  const bool is_short = fits<std::uint8_t>(object->second);
  bytes_ += code(is_new ? (is_short ? Opcode::binput : Opcode::long_binput)
                        : (is_short ? Opcode::binget : Opcode::long_binget));
  if (is_short) {
    append(bytes_, static_cast<std::uint8_t>(object->second));
  } else {
    append(bytes_, object->second);
  }
}

std::string PickleWriter::finish() {
  bytes_ += code(Opcode::stop);
  return std::move(bytes_);
}

}  // namespace lamina::serialization
