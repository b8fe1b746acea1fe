#include "serialization/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace lamina::serialization {
namespace {

void append_utf8(std::string& text, unsigned point) {
  const auto add = [&](unsigned bits) { text += static_cast<char>(bits); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xc0 | point >> 6);
    add(0x80 | (point & 0x3f));
  } else {
    if (point < 0x10000) {
      add(0xe0 | point >> 12);
    } else {
      add(0xf0 | point >> 18);
      add(0x80 | (point >> 12 & 0x3f));
    }
    add(0x80 | (point >> 6 & 0x3f));
    add(0x80 | (point & 0x3f));
  }
}

// The four digits of a \u, at `position`, which moves behind them.
unsigned code_unit(std::string_view text, std::size_t& position) {
  unsigned unit = 0;
  std::from_chars(text.data() + position, text.data() + position + 4, unit, 16);
  position += 4;
  return unit;
}

// One escape; `position` stands behind its backslash and moves behind all of it.
void append_escape(std::string& value, std::string_view text, std::size_t& position) {
  constexpr std::string_view kLetters = "bfnrt", kMeanings = "\b\f\n\r\t";
  const char letter = text[position++];
  if (letter == 'u') {
    unsigned point = code_unit(text, position);
    if (point >= 0xd800 && point < 0xdc00) {
      position += 2;  // the pair's other \u
      point = 0x10000 + ((point - 0xd800) << 10) + (code_unit(text, position) - 0xdc00);
    }
    append_utf8(value, point);
  } else {
    const std::size_t found = kLetters.find(letter);
    value += found == std::string_view::npos ? letter : kMeanings[found];
  }
}

// Walks over valid JSON text; every function leaves the position behind what it read.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) { skip_space(); }

  /// Takes one character and the space behind it, if it comes next.
  bool take(char expected) {
    if (position_ >= text_.size() || text_[position_] != expected) return false;
    ++position_;
    skip_space();
    return true;
  }

  std::string_view value() {
    const std::size_t begin = position_;
    int depth = 0;
    do {
      const char c = text_[position_];
      if (c == '"') {
        skip_string();
      } else if (c == '{' || c == '[') {
        ++depth;
        ++position_;
      } else if (c == '}' || c == ']') {
        --depth;
        ++position_;
      } else if (depth > 0) {
        ++position_;
      } else {
        skip_scalar();
      }
    } while (depth > 0);
    const std::string_view slice = text_.substr(begin, position_ - begin);
    skip_space();
    return slice;
  }

 private:
  void skip_space() {
    position_ = std::min(text_.find_first_not_of(" \t\r\n", position_), text_.size());
  }
  void skip_string() {
    for (++position_; text_[position_] != '"'; ++position_) {
      if (text_[position_] == '\\') ++position_;
    }
    ++position_;
  }
  void skip_scalar() {
    position_ = std::min(text_.find_first_of(",]} \t\r\n", position_), text_.size());
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace

std::optional<JsonMembers> json_members(std::string_view text) {
  Scanner scanner(text);
  if (!scanner.take('{')) return std::nullopt;
  JsonMembers members;
  if (scanner.take('}')) return members;
  do {
    std::string name = *json_string(scanner.value());
    scanner.take(':');
    members.emplace_back(std::move(name), scanner.value());
  } while (scanner.take(','));
  return members;
}

bool for_each_element(std::string_view text, const std::function<void(std::string_view)>& use) {
  Scanner scanner(text);
  if (!scanner.take('[')) return false;
  if (scanner.take(']')) return true;
  do {
    use(scanner.value());
  } while (scanner.take(','));
  return true;
}

std::optional<std::string> json_string(std::string_view text) {
  if (text.empty() || text.front() != '"') return std::nullopt;
  if (text.find('\\') == std::string_view::npos) {
    return std::string(text.substr(1, text.size() - 2));
  }
  std::string value;
  for (std::size_t position = 1; position + 1 < text.size();) {
    const char c = text[position++];
    if (c == '\\') {
      append_escape(value, text, position);
    } else {
      value += c;
    }
  }
  return value;
}

std::optional<std::int64_t> json_integer(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

std::optional<std::vector<std::int64_t>> json_integers(std::string_view text) {
  std::vector<std::int64_t> values;
  bool all = true;
  const bool is_array = for_each_element(text, [&](std::string_view element) {
    const auto value = json_integer(element);
    all = all && value && values.size() < kMaxJsonIntegers;
    if (all) values.push_back(*value);
  });
  if (!is_array || !all) return std::nullopt;
  return values;
}

std::string_view find_member(const JsonMembers& members, std::string_view name) {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const auto& member) { return member.first == name; });
  return found == members.end() ? std::string_view() : found->second;
}

std::string json_quote(std::string_view text) {
  constexpr std::string_view kPlain = "\"\\\b\f\n\r\t", kLetters = "\"\\bfnrt";
  std::string quoted = "\"";
  for (const char c : text) {
    if (const std::size_t found = kPlain.find(c); found != std::string_view::npos) {
      quoted += {'\\', kLetters[found]};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace lamina::serialization
