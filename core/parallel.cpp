#include "core/parallel.h"

#include <lamina/core/threads.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include <pthread.h>

namespace lamina {
namespace {

// Between two layers of a network a worker waits some microseconds; waking it from sleep costs
// more. So it looks for work this often before it sleeps. About 20 us on a 3 GHz machine.
constexpr int kSpins = 2000;

std::int64_t range_count(std::int64_t count, std::int64_t grain) {
  return count > 0 ? (count - 1) / grain + 1 : 0;
}

inline void spin_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  // Arm's yield does nothing on most cores; this one waits for what is under way, tens of cycles.
  __asm__ volatile("isb");
#endif
}

// begin + grain may not fit 64 bits; what is left of the count always does.
void call_range(const RangeFunction& f, std::int64_t begin, std::int64_t count,
                std::int64_t grain) {
  f(begin, begin + std::min(grain, count - begin));
}

struct Job {
  std::int64_t count = 0;
  std::int64_t grain = 1;
  std::int64_t ranges = 0;
  const RangeFunction* f = nullptr;
  std::atomic<std::int64_t> next{0};  // index of a range
  std::mutex error_mutex;
  std::exception_ptr error;

  void run() {
    while (true) {
      const std::int64_t range = next.fetch_add(1, std::memory_order_relaxed);
      if (range >= ranges) return;
      try {
        call_range(*f, range * grain, count, grain);
      } catch (...) {
        const std::lock_guard lock(error_mutex);
        if (!error) error = std::current_exception();
        next.store(ranges, std::memory_order_relaxed);  // the ranges left are not begun
      }
    }
  }
};

class ThreadPool {
 public:
  ~ThreadPool() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      ++generation_;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  // False where the pool is at work for somebody else.
  bool try_run(int threads, std::int64_t count, std::int64_t grain, const RangeFunction& f) {
    const std::unique_lock busy(busy_, std::try_to_lock);
    if (!busy.owns_lock()) return false;
    const int helpers = threads - 1;
    job_.count = count;
    job_.grain = grain;
    job_.ranges = range_count(count, grain);
    job_.f = &f;
    job_.next.store(0, std::memory_order_relaxed);
    job_.error = nullptr;
    {
      const std::lock_guard lock(mutex_);
      grow(helpers);
      helpers_ = helpers;
      unfinished_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    job_.run();
    wait_for_helpers();
    if (job_.error) std::rethrow_exception(std::exchange(job_.error, nullptr));
    return true;
  }

 private:
  // Where the system has no more threads to give, those that are there do the work.
  void grow(int helpers) {
    try {
      while (static_cast<int>(workers_.size()) < helpers) {
        const int index = static_cast<int>(workers_.size());
        workers_.emplace_back([this, index, seen = generation_.load()] { work(index, seen); });
      }
    } catch (const std::exception&) {  // std::system_error, std::bad_alloc
    }
  }

  void work(int index, std::uint64_t seen) {
    while (true) {
      seen = next_generation(seen);
      if (stop_.load(std::memory_order_acquire)) return;
      if (index < helpers_) job_.run();
      if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        const std::lock_guard lock(mutex_);
        done_.notify_one();
      }
    }
  }

  std::uint64_t next_generation(std::uint64_t seen) {
    for (int i = 0; i < kSpins; ++i) {
      const std::uint64_t now = generation_.load(std::memory_order_acquire);
      if (now != seen) return now;
      spin_pause();
    }
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
    return generation_.load(std::memory_order_acquire);
  }

  void wait_for_helpers() {
    for (int i = 0; i < kSpins; ++i) {
      if (unfinished_.load(std::memory_order_acquire) == 0) return;
      spin_pause();
    }
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return unfinished_.load(std::memory_order_acquire) == 0; });
  }

  std::mutex busy_;  // held by the caller whose job runs
  Job job_;
  int helpers_ = 0;  // workers [0, helpers_) take part in the job
  std::atomic<int> unfinished_{0};

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

// Memory for the process's pool: a child of fork() makes it anew in the same place.
union PoolPlace {
  PoolPlace() { new (&pool) ThreadPool; }
  ~PoolPlace() { pool.~ThreadPool(); }
  ThreadPool pool;
};

ThreadPool& pool() {
  static PoolPlace place;
  // A child has a copy of the pool, but none of its threads, and mutexes as they happened to be.
  // The copy is left as it is, since to destroy it would be to wait for those threads.
  [[maybe_unused]] static const int registered =
      ::pthread_atfork(nullptr, nullptr, [] { new (&place.pool) ThreadPool; });
  return place.pool;
}

// True on a thread that is inside parallel_for: trying to lock a mutex twice on one thread is
// undefined, so a nested call must not come as far as the pool.
thread_local bool inside_parallel_for = false;

struct InsideGuard {
  InsideGuard() { inside_parallel_for = true; }
  ~InsideGuard() { inside_parallel_for = false; }
};

void run_alone(std::int64_t count, std::int64_t grain, const RangeFunction& f) {
  const std::int64_t ranges = range_count(count, grain);
  for (std::int64_t range = 0; range < ranges; ++range) call_range(f, range * grain, count, grain);
}

}  // namespace

void parallel_for(int threads, std::int64_t count, std::int64_t grain, RangeFunction f) {
  grain = std::max<std::int64_t>(grain, 1);
  threads = static_cast<int>(std::min<std::int64_t>(threads, range_count(count, grain)));
  if (threads <= 1 || inside_parallel_for) {
    run_alone(count, grain, f);
    return;
  }
  const auto guarded = [&f](std::int64_t begin, std::int64_t end) {
    const InsideGuard guard;
    f(begin, end);
  };
  if (!pool().try_run(threads, count, grain, RangeFunction(guarded))) run_alone(count, grain, f);
}

}  // namespace lamina
