// Small things that are done to text: escaping, units, aligned tables.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::tools {

/// A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, since JSON cannot hold
/// them.
std::string json_string(std::string_view text);

/// A JSON number that reads back as the same float; null for NaN and infinities.
std::string json_number(float value);
std::string json_number(double value);

/// A field of RFC 4180, quoted where it has to be.
std::string csv_field(std::string_view text);

/// Control characters (but a newline) as "\x1b", so that a file's name cannot drive the terminal.
std::string printable(std::string_view text);

/// One field of a line: tab, newline and backslash as "\t", "\n", "\\", other control characters as
/// "\x1b"; all other bytes as they are, valid UTF-8 or not.
std::string line_field(std::string_view text);

bool is_utf8(std::string_view text);

/// "528 MiB", "1.2 KiB", "17 B"
std::string human_bytes(double bytes);
/// "138,357,544"
std::string with_commas(std::int64_t value);
/// "00:07", "1:02:03"
std::string human_seconds(double seconds);
/// Splits at `separator`; an empty text gives no parts.
std::vector<std::string> split(std::string_view text, char separator);

/// Columns padded to their widest cell, two spaces apart; those that begin with '>' in `header` are
/// aligned to the right. Counts a UTF-8 sequence as one column.
class Table {
 public:
  explicit Table(const std::vector<std::string>& header);
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace lamina::tools
