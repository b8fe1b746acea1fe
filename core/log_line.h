// The one call that reaches the callback of <lamina/core/log.h>; core/log_internal.h formats for
// it.
#pragma once

#include <lamina/core/log.h>

#include <string_view>

namespace lamina {

void log(LogLevel level, std::string_view message);

}  // namespace lamina
