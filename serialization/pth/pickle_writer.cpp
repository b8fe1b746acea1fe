#include "serialization/pth/pickle_writer.h"

#include <limits>

namespace lamina::serialization {
namespace {

// Python's Lib/pickletools.py describes each.
enum Opcode : char {
  kProto = '\x80',
  kStop = '.',
  kMark = '(',
  kGlobal = 'c',
  kBinUnicode = 'X',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kBinInt = 'J',
  kLong1 = '\x8a',
  kNewTrue = '\x88',
  kNewFalse = '\x89',
  kEmptyTuple = ')',
  kTuple1 = '\x85',
  kTuple2 = '\x86',
  kTuple3 = '\x87',
  kTuple = 't',
  kSetItems = 'u',
  kReduce = 'R',
  kBinPersId = 'Q',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kBinGet = 'h',
  kLongBinGet = 'j',
};

template <typename T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
bool fits(std::int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

}  // namespace

PickleWriter::PickleWriter() : bytes_({kProto, 2}) {}

void PickleWriter::global(std::string_view module, std::string_view name) {
  std::string encoded(1, kGlobal);
  for (const std::string_view line : {module, name}) encoded.append(line).append("\n");
  once(encoded);
}

void PickleWriter::text(std::string_view utf8) {
  std::string encoded(1, kBinUnicode);
  append(encoded, static_cast<std::uint32_t>(utf8.size()));
  once(encoded.append(utf8));
}

void PickleWriter::integer(std::int64_t value) {
  if (fits<std::uint8_t>(value)) {
    bytes_ += kBinInt1;
    append(bytes_, static_cast<std::uint8_t>(value));
  } else if (fits<std::uint16_t>(value)) {
    bytes_ += kBinInt2;
    append(bytes_, static_cast<std::uint16_t>(value));
  } else if (fits<std::int32_t>(value)) {
    bytes_ += kBinInt;
    append(bytes_, static_cast<std::int32_t>(value));
  } else {
    bytes_ += {kLong1, static_cast<char>(sizeof value)};
    append(bytes_, value);
  }
}

void PickleWriter::boolean(bool value) { bytes_ += value ? kNewTrue : kNewFalse; }

void PickleWriter::tuple(std::span<const std::int64_t> values) {
  constexpr Opcode kShort[] = {kEmptyTuple, kTuple1, kTuple2, kTuple3};
  const bool is_short = values.size() < std::size(kShort);
  if (!is_short) mark();
  for (const std::int64_t value : values) integer(value);
  bytes_ += is_short ? kShort[values.size()] : kTuple;
}

void PickleWriter::mark() { bytes_ += kMark; }
void PickleWriter::end_tuple() { bytes_ += kTuple; }
void PickleWriter::end_items() { bytes_ += kSetItems; }
void PickleWriter::reduce() { bytes_ += kReduce; }
void PickleWriter::persistent_id() { bytes_ += kBinPersId; }

void PickleWriter::once(const std::string& encoded) {
  const auto [object, is_new] =
      memo_.try_emplace(encoded, static_cast<std::uint32_t>(memo_.size()));
  if (is_new) bytes_ += encoded;
  const bool is_short = fits<std::uint8_t>(object->second);
  bytes_ += is_new ? (is_short ? kBinPut : kLongBinPut) : (is_short ? kBinGet : kLongBinGet);
  if (is_short) {
    append(bytes_, static_cast<std::uint8_t>(object->second));
  } else {
    append(bytes_, object->second);
  }
}

std::string PickleWriter::finish() {
  bytes_ += kStop;
  return std::move(bytes_);
}

}  // namespace lamina::serialization
