// Stopping on SIGINT and SIGTERM: a flag that long work looks at between its steps.
#pragma once

namespace lamina::tools {

/// The first signal sets the flag, so that outputs are flushed and temporary files removed; the
/// second ends the process at once. Blocking reads return EINTR.
void catch_interrupts();

bool interrupted() noexcept;

/// Throws Interrupted where the flag is set: for callbacks out of the library's long work.
void throw_if_interrupted();

}  // namespace lamina::tools
