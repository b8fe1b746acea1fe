// How many threads there are to compute with.
#pragma once

#include <lamina/core/export.h>

namespace lamina {

/// The processors this process may use: the affinity mask and the cgroup's CPU quota (rounded up),
/// whichever is less; LAMINA_NUM_THREADS, where set to a positive number, replaces both. At
/// least 1.
LAMINA_API int available_threads();

}  // namespace lamina
