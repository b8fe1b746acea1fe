// parallel_for: the one way that work is spread over threads.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace lamina {

/// A reference to a callable void(int64_t begin, int64_t end); it owns nothing and never allocates.
class RangeFunction {
 public:
  template <typename F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, RangeFunction>) RangeFunction(
      F&& f)  // NOLINT(google-explicit-constructor): made at the call, like function_ref
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, std::int64_t begin, std::int64_t end) {
          (*static_cast<std::remove_reference_t<F>*>(object))(begin, end);
        }) {}

  void operator()(std::int64_t begin, std::int64_t end) const { call_(object_, begin, end); }

 private:
  void* object_;
  void (*call_)(void*, std::int64_t, std::int64_t);
};

/// Calls f(begin, end) on ranges that cover [0, count) once, each `grain` long but the last, on up
/// to `threads` threads, the caller's among them, and returns when all are done.
///
/// Which thread takes which range is not fixed, so results keep their bits only where a range's
/// result depends on nothing but the range: never reduce over ranges.
/// Threads: the pool is shared by the process. A caller that finds it busy (another session, or a
/// call from inside f) does all its ranges itself, so threads never outnumber the processors.
/// Fork: a child has a pool of its own. fork() while another thread is in parallel_for is safe for
/// the pool; what f was doing there is for the caller to know.
/// Errors: an exception of f is rethrown here once every thread has stopped; of several, one.
/// Never allocates after the pool has grown to `threads`.
void parallel_for(int threads, std::int64_t count, std::int64_t grain, RangeFunction f);

}  // namespace lamina
