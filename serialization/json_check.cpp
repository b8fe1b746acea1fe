#include "serialization/format_error.h"
#include "serialization/json_text.h"
#include "serialization/tensor_record.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <deque>

namespace lamina::serialization {
namespace {

constexpr std::size_t kMaxStringBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxNumberBytes = 512;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Goes over the text once, without recursion. What it keeps is the open objects' keys, as slices:
// the memory it takes is bounded by the number of keys and has nothing to do with the text's
// length.
class JsonChecker {
 public:
  JsonChecker(std::string_view text, const char* what, const std::filesystem::path& file,
              std::size_t max_keys)
      : text_(text), what_(what), file_(file), max_keys_(max_keys) {}

  void run() {
    if (!is_utf8(text_)) fail("not UTF-8");
    skip_space();
    do {
      begin_value();
    } while (end_values());
    if (position_ < text_.size()) fail("something behind the value");
  }

 private:
  struct Frame {
    bool is_object;
    std::size_t first_key;
  };

  // Reads a scalar, an empty object or array, or opens one that is not empty; in the last case the
  // first value in it comes next.
  void begin_value() {
    for (;;) {
      if (take('{')) {
        open(true);
        if (!take('}')) {
          key();
          continue;
        }
        close();
      } else if (take('[')) {
        open(false);
        if (!take(']')) continue;
        close();
      } else {
        scalar();
      }
      return;
    }
  }

  // A value has ended, and with it perhaps what it stands in. True where another value follows.
  bool end_values() {
    while (!frames_.empty()) {
      const bool in_object = frames_.back().is_object;
      if (take(',')) {
        if (in_object) key();
        return true;
      }
      if (!take(in_object ? '}' : ']')) fail("a comma or a bracket is due");
      close();
    }
    return false;
  }

  void open(bool is_object) {
    if (frames_.size() >= static_cast<std::size_t>(kMaxJsonDepth)) {
      throw_format(FormatErrc::limit, file_, "too deep: the {} nests more than {} levels", what_,
                   kMaxJsonDepth);
    }
    frames_.push_back({is_object, keys_.size()});
  }

  void close() {
    const auto first = keys_.begin() + static_cast<std::ptrdiff_t>(frames_.back().first_key);
    std::sort(first, keys_.end());
    if (const auto twice = std::adjacent_find(first, keys_.end()); twice != keys_.end()) {
      throw_format(FormatErrc::duplicate_name, file_, "duplicate name: key '{}' of the {}", *twice,
                   what_);
    }
    keys_.erase(first, keys_.end());
    frames_.pop_back();
    if (frames_.empty()) unescaped_.clear();
  }

  void key() {
    if (keys_.size() >= max_keys_) {
      throw_format(FormatErrc::limit, file_, "too many keys: more than {} in objects of the {}",
                   max_keys_, what_);
    }
    const std::string_view literal = string();
    if (literal.find('\\') == std::string_view::npos) {
      keys_.push_back(literal.substr(1, literal.size() - 2));
    } else {
      keys_.push_back(unescaped_.emplace_back(*json_string(literal)));
    }
    if (!take(':')) fail("a colon is due");
  }

  void scalar() {
    if (peek() == '"') {
      string();
    } else if (peek() == '-' || is_digit(peek())) {
      number();
    } else if (!take_word("true") && !take_word("false") && !take_word("null")) {
      fail("a value is due");
    }
  }

  // A string, as it stands with its quotes.
  std::string_view string() {
    const std::size_t begin = position_;
    if (!take_char('"')) fail("a string is due");
    while (peek() != '"') {
      if (position_ - begin > kMaxStringBytes) {
        throw_format(FormatErrc::limit, file_, "too long: a string of the {}, at most {} bytes",
                     what_, kMaxStringBytes);
      }
      if (static_cast<unsigned char>(peek()) < 0x20) fail("a string does not end");
      if (take_char('\\')) {
        escape();
      } else {
        ++position_;
      }
    }
    ++position_;
    const std::string_view literal = text_.substr(begin, position_ - begin);
    skip_space();
    return literal;
  }

  void escape() {
    if (take_char('u')) {
      const unsigned unit = code_unit();
      const bool is_high = unit >= 0xd800 && unit < 0xdc00,
                 is_low = unit >= 0xdc00 && unit < 0xe000;
      if (is_low) fail("half a surrogate pair");
      if (!is_high) return;
      if (!take_char('\\') || !take_char('u')) fail("half a surrogate pair");
      if (const unsigned low = code_unit(); low < 0xdc00 || low >= 0xe000) {
        fail("half a surrogate pair");
      }
    } else if (std::string_view("\"\\/bfnrt").find(peek()) == std::string_view::npos ||
               peek() == '\0') {
      fail("an unknown escape");
    } else {
      ++position_;
    }
  }

  unsigned code_unit() {
    unsigned unit = 0;
    const std::string_view digits = text_.substr(position_, 4);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
    if (error != std::errc() || end != digits.data() + 4) fail("an escape of four digits is due");
    position_ += 4;
    return unit;
  }

  void number() {
    const std::size_t begin = position_;
    take_char('-');
    if (!take_char('0')) digits();
    if (take_char('.')) digits();
    if (take_char('e') || take_char('E')) {
      if (!take_char('+')) take_char('-');
      digits();
    }
    const std::string token(text_.substr(begin, position_ - begin));
    if (token.size() > kMaxNumberBytes || !std::isfinite(std::strtod(token.c_str(), nullptr))) {
      fail("a number out of range");
    }
    skip_space();
  }

  void digits() {
    if (!is_digit(peek())) fail("a digit is due");
    while (is_digit(peek())) ++position_;
  }

  /// The next character, or zero at the end.
  char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }

  bool take_char(char expected) {
    if (peek() != expected) return false;
    ++position_;
    return true;
  }
  bool take(char expected) {
    if (!take_char(expected)) return false;
    skip_space();
    return true;
  }
  bool take_word(std::string_view word) {
    if (!text_.substr(position_).starts_with(word)) return false;
    position_ += word.size();
    skip_space();
    return true;
  }
  void skip_space() {
    position_ = std::min(text_.find_first_not_of(" \t\r\n", position_), text_.size());
  }

  [[noreturn]] void fail(const char* problem) const {
    throw_format(FormatErrc::bad_json, file_, "bad JSON: {}, near its byte {}: {}", what_,
                 position_, problem);
  }

  std::string_view text_;
  const char* what_;
  const std::filesystem::path& file_;
  std::size_t max_keys_;
  std::size_t position_ = 0;
  std::vector<Frame> frames_;
  std::vector<std::string_view> keys_;  // of the open objects
  std::deque<std::string> unescaped_;   // those that are not slices of the text
};

}  // namespace

void check_json(std::string_view text, const char* what, const std::filesystem::path& file,
                std::size_t max_keys) {
  JsonChecker(text, what, file, max_keys).run();
}

}  // namespace lamina::serialization
