// What the programs' exit statuses mean. Scripts rely on the numbers.
#pragma once

namespace lamina::tools {

enum class ExitStatus : int {
  ok = 0,
  some_failed = 1,    ///< some inputs failed and the others were done, or an output was not written
  usage = 2,          ///< the command line makes no sense
  no_model = 3,       ///< model or weights missing or unreadable
  misfit = 4,         ///< weights do not fit the model: names, shapes, dtypes
  no_device = 5,      ///< device not available, or out of memory
  download = 6,       ///< a download or its checksum failed
  differs = 7,        ///< verify or diff found differences
  interrupted = 130,  ///< stopped by SIGINT or SIGTERM, with what was done flushed
};

}  // namespace lamina::tools
