// How a reader says that a file breaks a rule: "bad checksum: tensor 'fc.weight': FILE".
#pragma once

#include <lamina/core/error.h>

#include <fmt/format.h>

#include <filesystem>
#include <utility>

namespace lamina::serialization {

template <typename... Args>
[[noreturn]] void throw_format(FormatErrc code, const std::filesystem::path& file,
                               fmt::format_string<Args...> format, Args&&... args) {
  throw FormatError(
      code, fmt::format("{}: {}", fmt::format(format, std::forward<Args>(args)...), file.string()));
}

}  // namespace lamina::serialization
