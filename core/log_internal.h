// The library's side of <lamina/core/log.h>.
#pragma once

#include "core/log_line.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace lamina {

template <typename... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  log(level, std::string_view(fmt::format(format, std::forward<Args>(args)...)));
}

}  // namespace lamina
