// The library prints nothing. What it has to say beside its results (which kernel a plan fell back
// to, what a reader skipped) goes to one callback, none by default.
#pragma once

#include <lamina/core/export.h>

#include <functional>
#include <string_view>

namespace lamina {

enum class LogLevel { debug, info, warning };

using LogCallback = std::function<void(LogLevel, std::string_view)>;

/// Replaces the callback of the process; an empty one silences. Safe to call from any thread. The
/// callback may be called from any thread, one call at a time; it must not throw, nor call the
/// library.
LAMINA_API void set_log_callback(LogCallback callback);

}  // namespace lamina
