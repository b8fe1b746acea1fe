// A pickle's bytes, taken one after another; whoever takes too many gets an error with the place.
#pragma once

#include "serialization/format_error.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

namespace lamina::serialization::pickle {

class ByteCursor {
 public:
  /// `part` names the bytes in messages: "data.pkl". All three must outlive the cursor.
  ByteCursor(std::span<const std::byte> bytes, std::string_view part,
             const std::filesystem::path& file)
      : text_(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
        part_(part),
        file_(file) {}

  std::size_t position() const { return position_; }
  std::size_t left() const { return text_.size() - position_; }
  const std::filesystem::path& file() const { return file_; }
  std::string_view part() const { return part_; }

  /// A little-endian integer, as all of the format's are.
  template <typename T>
  T read() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }

  /// The one number of the format that is big-endian.
  double read_big_endian_double() {
    return std::bit_cast<double>(__builtin_bswap64(read<std::uint64_t>()));
  }

  std::string_view take(std::uint64_t count) {
    if (count > left()) {
      fail(FormatErrc::truncated, "truncated: {} bytes expected, {} left", count, left());
    }
    const std::string_view taken = text_.substr(position_, static_cast<std::size_t>(count));
    position_ += static_cast<std::size_t>(count);
    return taken;
  }

  /// Up to a line feed, which is taken along and left out.
  std::string_view take_line() {
    const std::size_t end = text_.find('\n', position_);
    if (end == std::string_view::npos) fail(FormatErrc::truncated, "truncated: a line has no end");
    const std::string_view line = text_.substr(position_, end - position_);
    position_ = end + 1;
    return line;
  }

  template <typename... Args>
  [[noreturn]] void fail(FormatErrc code, fmt::format_string<Args...> format,
                         Args&&... args) const {
    throw_format(code, file_, "{}: byte {} of {}", fmt::format(format, std::forward<Args>(args)...),
                 position_, part_);
  }

 private:
  std::string_view text_, part_;
  const std::filesystem::path& file_;
  std::size_t position_ = 0;
};

/// Refuses a pickle for what it would call or name.
[[noreturn]] inline void throw_unsafe(const ByteCursor& cursor, std::string_view what) {
  throw FormatError(FormatErrc::unsafe,
                    fmt::format("refused: it would call {}: byte {} of {}: {}", what,
                                cursor.position(), cursor.part(), cursor.file().string()),
                    "no weights need that, and in Python it would run code; nothing of the file "
                    "was run or loaded");
}

}  // namespace lamina::serialization::pickle
