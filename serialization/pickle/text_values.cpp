#include "serialization/pickle/text_values.h"

#include <charconv>
#include <optional>
#include <string>

namespace lamina::serialization::pickle {
namespace {

// The value of `count` digits; nothing where one is none.
std::optional<std::uint32_t> digits(std::string_view text, std::size_t count, int base) {
  if (text.size() < count) return std::nullopt;
  std::uint32_t value = 0;
  const char* const end = text.data() + count;
  const auto [stopped, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&](std::uint32_t value) { out += static_cast<char>(value); };
  const auto tail = [&](int shift) { byte(0x80 | ((code >> shift) & 0x3F)); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) return byte(0xC0 | (code >> 6)), tail(0);
  if (code < 0x10000) return byte(0xE0 | (code >> 12)), tail(6), tail(0);
  byte(0xF0 | ((code >> 18) & 7)), tail(12), tail(6), tail(0);
}

// One escape of a quoted text, behind its backslash. Returns how many characters it has; 0 where it
// is none.
std::size_t unescape(std::string_view text, std::string& out) {
  constexpr std::string_view kLetters = "\\'\"nrtabfv";
  constexpr std::string_view kMeanings = "\\'\"\n\r\t\a\b\f\v";
  if (text.empty()) return 0;
  if (const std::size_t i = kLetters.find(text[0]); i != std::string_view::npos) {
    out += kMeanings[i];
    return 1;
  }
  if (text[0] == 'x') {
    const auto value = digits(text.substr(1), 2, 16);
    if (value) out += static_cast<char>(*value);
    return value ? 3 : 0;
  }
  const auto value = digits(text, 3, 8);
  if (value) out += static_cast<char>(*value & 0xFF);
  return value ? 3 : 0;
}

}  // namespace

Value parse_integer(Builder& builder, std::string_view line) {
  if (line == "00" || line == "01") return Value::of(line == "01");
  if (line.ends_with('L')) line.remove_suffix(1);
  std::int64_t value = 0;
  const char* const end = line.data() + line.size();
  const auto [stopped, error] = std::from_chars(line.data(), end, value);
  if (stopped != end || line.empty()) builder.fail("'{}' is not a whole number", line);
  if (error == std::errc::result_out_of_range) return Value::text_of(Kind::big_integer, line);
  return Value::of(value);
}

Value parse_real(Builder& builder, std::string_view line) {
  double value = 0;
  const char* const end = line.data() + line.size();
  const auto [stopped, error] = std::from_chars(line.data(), end, value);
  if (stopped != end || line.empty()) builder.fail("'{}' is not a number", line);
  return Value::of(value);
}

Value parse_quoted(Builder& builder, std::string_view line) {
  const bool quoted =
      line.size() >= 2 && (line[0] == '\'' || line[0] == '"') && line.back() == line.front();
  if (!quoted) builder.fail("a text without quotes");
  line = line.substr(1, line.size() - 2);
  if (line.find('\\') == std::string_view::npos) return Value::text_of(Kind::string, line);
  std::string text;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\') {
      text += line[i];
      continue;
    }
    const std::size_t length = unescape(line.substr(i + 1), text);
    if (length == 0) builder.fail("a text with a bad escape");
    i += length;
  }
  return builder.text(Kind::string, text);
}

Value parse_raw_unicode(Builder& builder, std::string_view line) {
  std::string text;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const std::string_view rest = line.substr(i);
    const std::size_t count = rest.starts_with("\\u") ? 4 : rest.starts_with("\\U") ? 8 : 0;
    if (count == 0) {
      append_utf8(text, static_cast<unsigned char>(line[i]));  // Latin-1
      continue;
    }
    const auto code = digits(rest.substr(2), count, 16);
    if (!code || *code > 0x10FFFF) builder.fail("a text with a bad escape");
    append_utf8(text, *code);
    i += 1 + count;
  }
  return builder.text(Kind::string, text);
}

}  // namespace lamina::serialization::pickle
