// The border that no exception crosses.
#pragma once

#include <lamina/c.h>

#include <string_view>

namespace lamina::capi {

/// Keeps the text and the status of the exception that is being handled. Never throws.
lamina_status keep_current_exception() noexcept;
lamina_status keep_error(lamina_status status, std::string_view text) noexcept;

/// Throws InvalidArgument where a pointer that a function needs is null.
void require_pointer(const void* pointer, const char* function, const char* parameter);

/// Runs f, and turns what it throws into a status.
template <typename F>
lamina_status guard(const F& f) noexcept {
  try {
    f();
    return LAMINA_OK;
  } catch (...) {
    return keep_current_exception();
  }
}

}  // namespace lamina::capi
