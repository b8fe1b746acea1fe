#include "python/src/calls.h"

#include <condition_variable>
#include <mutex>
#include <new>

namespace lamina::python {
namespace {

constexpr std::chrono::milliseconds kInterruptPeriod{20};

struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  int inside = 0;  // threads with a ForkGuard
  bool forking = false;
};

// Never destroyed: threads may come here while the process ends.
Gate& gate() {
  static Gate* const instance = new Gate;
  return *instance;
}

// A signal handler runs inside of run(), and may fork.
thread_local int guards_of_this_thread = 0;

void before_fork() {
  const nb::gil_scoped_release release;
  const int own = guards_of_this_thread > 0 ? 1 : 0;
  std::unique_lock lock(gate().mutex);
  gate().changed.wait(lock, [] { return !gate().forking; });
  gate().forking = true;  // from here on nobody enters
  gate().changed.wait(lock, [own] { return gate().inside == own; });
}

void after_fork_in_parent() {
  const std::lock_guard lock(gate().mutex);
  gate().forking = false;
  gate().changed.notify_all();
}

// The threads that wait at the parent's gate are not here.
void after_fork_in_child() {
  const int inside = gate().inside;
  new (&gate()) Gate;
  gate().inside = inside;
}

}  // namespace

void InterruptCheck::operator()() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  const nb::gil_scoped_acquire acquire;
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
  next_ = std::chrono::steady_clock::now() + kInterruptPeriod;
}

ForkGuard::ForkGuard() {
  if (guards_of_this_thread++ > 0) return;
  std::unique_lock lock(gate().mutex);
  gate().changed.wait(lock, [] { return !gate().forking; });
  ++gate().inside;
}

ForkGuard::~ForkGuard() {
  if (--guards_of_this_thread > 0) return;
  const std::lock_guard lock(gate().mutex);
  --gate().inside;
  gate().changed.notify_all();
}

void ForkGuard::let_fork() {
  std::unique_lock lock(gate().mutex);
  if (!gate().forking) return;
  --gate().inside;
  gate().changed.notify_all();
  gate().changed.wait(lock, [] { return !gate().forking; });
  ++gate().inside;
}

void bind_fork(nb::module_& module) {
  module.def("_before_fork", &before_fork);
  module.def("_after_fork_in_parent", &after_fork_in_parent);
  module.def("_after_fork_in_child", &after_fork_in_child);
  nb::module_::import_("os").attr("register_at_fork")(
      nb::arg("before") = module.attr("_before_fork"),
      nb::arg("after_in_parent") = module.attr("_after_fork_in_parent"),
      nb::arg("after_in_child") = module.attr("_after_fork_in_child"));
}

}  // namespace lamina::python
