#include "serialization/json_text.h"

#include "serialization/format_error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <unordered_set>

namespace lamina::serialization {
namespace {

using nlohmann::json;

// Looks at every token and keeps only the keys of the objects that are open.
class JsonChecker : public json::json_sax_t {
 public:
  JsonChecker(const char* what, const std::filesystem::path& file) : what_(what), file_(file) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }

  bool start_object(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second) {
      throw_format(FormatErrc::duplicate_name, file_, "duplicate name: key '{}' of the {}", name,
                   what_);
    }
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    throw_format(FormatErrc::bad_json, file_, "bad JSON: {}, near its byte {}", what_, position);
  }

 private:
  bool open() {
    if (keys_.size() >= static_cast<std::size_t>(kMaxJsonDepth)) {
      throw_format(FormatErrc::limit, file_, "too deep: the {} nests more than {} levels", what_,
                   kMaxJsonDepth);
    }
    keys_.emplace_back();
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }

  const char* what_;
  const std::filesystem::path& file_;
  std::vector<std::unordered_set<std::string>> keys_;
};

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

void check_json(std::string_view text, const char* what, const std::filesystem::path& file) {
  JsonChecker checker(what, file);
  json::sax_parse(text.begin(), text.end(), &checker);
}

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

std::optional<std::vector<std::string_view>> json_elements(std::string_view text) {
  Scanner scanner(text);
  if (!scanner.take('[')) return std::nullopt;
  std::vector<std::string_view> elements;
  if (scanner.take(']')) return elements;
  do {
    elements.push_back(scanner.value());
  } while (scanner.take(','));
  return elements;
}

std::optional<std::string> json_string(std::string_view text) {
  if (text.empty() || text.front() != '"') return std::nullopt;
  if (text.find('\\') == std::string_view::npos) {
    return std::string(text.substr(1, text.size() - 2));
  }
  return json::parse(text).get<std::string>();
}

std::optional<std::int64_t> json_integer(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

std::optional<std::vector<std::int64_t>> json_integers(std::string_view text) {
  const auto elements = json_elements(text);
  if (!elements) return std::nullopt;
  std::vector<std::int64_t> values;
  for (const std::string_view element : *elements) {
    const auto value = json_integer(element);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

std::string_view find_member(const JsonMembers& members, std::string_view name) {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const auto& member) { return member.first == name; });
  return found == members.end() ? std::string_view() : found->second;
}

std::string json_quote(std::string_view text) { return json(text).dump(); }

}  // namespace lamina::serialization
