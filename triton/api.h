// The server's C interface, with errors as exceptions on our side of it and as its own objects on
// the other.
#pragma once

#include "triton/core/tritonbackend.h"

#include <stdexcept>
#include <string>
#include <utility>

namespace lamina::triton {

/// An answer with an error code of the server's.
class ServerError : public std::runtime_error {
 public:
  ServerError(TRITONSERVER_Error_Code code, const std::string& what)
      : std::runtime_error(what), code_(code) {}
  TRITONSERVER_Error_Code code() const noexcept { return code_; }

 private:
  TRITONSERVER_Error_Code code_;
};

/// Throws ServerError where `error` is one, and deletes it.
void check(TRITONSERVER_Error* error);

/// The exception that is being handled, as the server's object, with Lamina's hint; the caller
/// deletes it or hands it over.
TRITONSERVER_Error* current_error();

/// Calls f; nothing is thrown through.
template <typename F>
TRITONSERVER_Error* guarded(F&& f) noexcept {
  try {
    std::forward<F>(f)();
    return nullptr;
  } catch (...) {
    return current_error();
  }
}

/// One line of the server's log; never throws.
void log(TRITONSERVER_LogLevel level, const std::string& text) noexcept;
/// The same for an error that nobody can be told of; deletes it. `error` may be null.
void log_and_drop(TRITONSERVER_Error* error) noexcept;

}  // namespace lamina::triton
