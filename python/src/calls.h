// Around every long call into the library: other Python threads run, Ctrl-C is answered, and
// fork() waits until the library is at rest.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <functional>

namespace lamina::python {

namespace nb = nanobind;

/// Lets Python's signal handlers run, and throws what they raise (KeyboardInterrupt). Looks only
/// every 20 ms, so that it may be called often. The GIL must not be held.
class InterruptCheck {
 public:
  void operator()();

 private:
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now();
};

/// Lives while the calling thread is in code of the library that holds locks: packing weights,
/// running. fork() waits for all such threads, since a child would find their locks held by threads
/// that it has not. The GIL must not be held.
class ForkGuard {
 public:
  ForkGuard();
  ~ForkGuard();
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;

  /// For a thread with a guard that waits and holds no lock: a fork() that is under way goes first.
  static void let_fork();
};

/// f() without the GIL.
template <typename F>
auto without_gil(F&& f) {
  const nb::gil_scoped_release release;
  return f();
}

/// f() without the GIL, and with no fork() meanwhile.
template <typename F>
auto guarded(F&& f) {
  const nb::gil_scoped_release release;
  const ForkGuard guard;
  return f();
}

void bind_fork(nb::module_& module);

}  // namespace lamina::python
