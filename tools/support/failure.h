// Errors that only programs have, beside the library's own. run_main() turns each into an exit
// status.
#pragma once

#include "tools/support/exit_status.h"

#include <lamina/core/error.h>

namespace lamina::tools {

/// An error whose exit status the place that throws it knows best.
class Failure : public Error {
 public:
  Failure(ExitStatus status, const std::string& what, std::string hint = {})
      : Error(what, std::move(hint)), status_(status) {}
  ExitStatus status() const noexcept { return status_; }

 private:
  ExitStatus status_;
};

/// The command line makes no sense.
class UsageError : public Failure {
 public:
  explicit UsageError(const std::string& what, std::string hint = {})
      : Failure(ExitStatus::usage, what, std::move(hint)) {}
};

/// An output cannot be written.
class OutputError : public Failure {
 public:
  explicit OutputError(const std::string& what, std::string hint = {})
      : Failure(ExitStatus::some_failed, what, std::move(hint)) {}
};

/// Somebody asked the program to stop, and it has flushed what was done.
class Interrupted : public Failure {
 public:
  Interrupted() : Failure(ExitStatus::interrupted, "interrupted") {}
};

/// Calls f; an IoError from it is about an output.
template <typename F>
decltype(auto) writing(F&& f) {
  try {
    return f();
  } catch (const IoError& error) {
    throw OutputError(error.what(), error.hint());
  }
}

}  // namespace lamina::tools
