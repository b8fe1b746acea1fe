// lamina._core: the public headers as Python sees them. What has its form from Python alone, such
// as keyword defaults and checkpoints' JSON, is in python/lamina.
#include "python/src/arrays.h"
#include "python/src/bind.h"
#include "python/src/calls.h"
#include "python/src/errors.h"

#include <lamina/core/threads.h>
#include <lamina/core/version.h>

NB_MODULE(_core, module) {
  namespace nb = nanobind;
  using namespace lamina::python;
  module.doc() = "Lamina's C++ library.";
  module.def("version", &lamina::version, "The version of the library: ``\"0.1.0\"``.");
  module.def("available_threads", &lamina::available_threads,
             "The processors that this process may use: affinity, cgroup quota or "
             "``LAMINA_NUM_THREADS``.");
  bind_errors(module);
  bind_fork(module);
  bind_arrays(module);
  bind_vision(module);
  bind_models(module);
  bind_session(module);
}
