#include "nn/repr.h"

#include <lamina/nn/module.h>
#include <lamina/nn/size2.h>

#include <fmt/format.h>

#include <ostream>

namespace lamina::nn {
namespace {

std::string indented(const std::string& text) {
  std::string result;
  for (const char c : text) {
    result += c;
    if (c == '\n') result += "  ";
  }
  return result;
}

std::string side(std::int64_t value) {
  return value == Size2::kNone ? "None" : fmt::to_string(value);
}

}  // namespace

std::string python_repr(bool value) { return value ? "True" : "False"; }

std::string python_repr(double value) {
  // fmt, like Python, prints the shortest text that reads back as the same number, and turns to an
  // exponent at the same places; it only leaves out the ".0" of whole numbers.
  std::string text = fmt::format("{}", value);
  const bool whole = text.find_first_not_of("-0123456789") == std::string::npos;
  return whole ? text + ".0" : text;
}

std::string to_pair_string(const Size2& size) {
  return fmt::format("({}, {})", side(size.h), side(size.w));
}

std::string to_string(const Size2& size) {
  return size.scalar ? side(size.h) : to_pair_string(size);
}

std::string to_string(const Module& module) {
  const std::string extra = module.extra_repr();
  if (module.named_children().empty()) return fmt::format("{}({})", module.type_name(), extra);
  std::string text = module.type_name() + "(";
  if (!extra.empty()) text += "\n  " + extra;
  for (const auto& [name, child] : module.named_children()) {
    text += fmt::format("\n  ({}): {}", name, indented(to_string(*child)));
  }
  return text + "\n)";
}

std::ostream& operator<<(std::ostream& out, const Module& module) {
  return out << to_string(module);
}

}  // namespace lamina::nn
