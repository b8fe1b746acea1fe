// What tests of damaged files say: which rule is broken, and what the message must tell.
#pragma once

#include <lamina/core/error.h>

#include <catch2/catch.hpp>

#include <cstring>
#include <string>

namespace lamina::test {

/// CHECK_THROWS_MATCHES(load(path), FormatError, breaks(FormatErrc::overlap, "tensor 'b'"))
class Breaks : public Catch::MatcherBase<FormatError> {
 public:
  Breaks(FormatErrc code, std::string text) : code_(code), text_(std::move(text)) {}

  bool match(const FormatError& error) const override {
    return error.code() == code_ && std::strstr(error.what(), text_.c_str()) != nullptr;
  }
  std::string describe() const override {
    return std::string("breaks the rule ") + to_string(code_) + " and says \"" + text_ + '"';
  }

 private:
  FormatErrc code_;
  std::string text_;
};

inline Breaks breaks(FormatErrc code, std::string text) { return {code, std::move(text)}; }

/// An integer as its little-endian bytes.
template <typename T>
std::string bytes_of_integer(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

}  // namespace lamina::test

template <>
struct Catch::StringMaker<lamina::FormatError> {
  static std::string convert(const lamina::FormatError& error) {
    return std::string(lamina::to_string(error.code())) + ": " + error.what();
  }
};
