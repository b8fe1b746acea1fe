// LAMINA_REQUIRE(condition, "[conv2d] input has {} channels, weight expects {}", a, b): throws
// InvalidArgument with the formatted text where the condition does not hold. For what callers may
// get wrong, checked once at the border of a layer; a bug of ours is an assert.
#pragma once

#include <lamina/core/error.h>
#include <lamina/core/shape.h>

#include <fmt/format.h>

#define LAMINA_REQUIRE(condition, ...)                                           \
  do {                                                                           \
    if (!(condition)) throw ::lamina::InvalidArgument(fmt::format(__VA_ARGS__)); \
  } while (false)

template <>
struct fmt::formatter<lamina::Shape> : fmt::formatter<std::string> {
  auto format(const lamina::Shape& shape, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(lamina::to_string(shape), context);
  }
};
