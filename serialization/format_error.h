// How a reader says that a file breaks a rule: "bad checksum: tensor 'fc.weight': FILE".
// The file is left out where its path is empty: a text that the caller knows the place of.
#pragma once

#include <lamina/core/error.h>

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <utility>

namespace lamina::serialization {

template <typename... Args>
[[noreturn]] void throw_format(FormatErrc code, const std::filesystem::path& file,
                               fmt::format_string<Args...> format, Args&&... args) {
  std::string text = fmt::format(format, std::forward<Args>(args)...);
  if (!file.empty()) text += ": " + file.string();
  throw FormatError(code, text);
}

}  // namespace lamina::serialization
