// The frame of every program: options that all have, and the one place where errors become exit
// statuses.
#pragma once

#include "tools/support/command.h"
#include "tools/support/console.h"
#include "tools/support/exit_status.h"
#include "tools/support/progress.h"

#include <functional>

namespace lamina::tools {

/// What the body of a program gets: where to say things, and which command was named.
struct Context {
  Console console;
  ProgressMode progress = ProgressMode::automatic;
  const Command* command = nullptr;
};

using Body = std::function<ExitStatus(Context&)>;

/// Adds the options that every program has to `root`, parses, answers --help, --version,
/// --list-devices and --completion, else runs the body. Prints what is thrown as one error line,
/// with a hint where there is one, and returns the exit status.
int run_main(Command root, int argc, const char* const* argv, const Body& body);

/// The status of an error: Failure says itself; else 2 for InvalidArgument, 3 for files, 4 for
/// weights that do not fit, 5 for devices and memory, 6 for
/// downloads.
ExitStatus status_of(const std::exception& error);

}  // namespace lamina::tools
