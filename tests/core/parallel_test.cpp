#include "core/parallel.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

using lamina::parallel_for;

namespace {

// How often each index in [0, count) was visited.
std::vector<int> visits(int threads, std::int64_t count, std::int64_t grain) {
  std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
  parallel_for(threads, count, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) seen[static_cast<std::size_t>(i)].fetch_add(1);
  });
  return {seen.begin(), seen.end()};
}

bool each_once(const std::vector<int>& seen) {
  return std::all_of(seen.begin(), seen.end(), [](int times) { return times == 1; });
}

}  // namespace

TEST_CASE("parallel_for: covers each index exactly once", "[core][parallel]") {
  for (int threads = 1; threads <= 8; ++threads) {
    for (std::int64_t count : {0, 1, 2, 7, 64, 1000}) {
      for (std::int64_t grain : {1, 3, 64, 1000, 5000}) {
        INFO(threads << " threads, count " << count << ", grain " << grain);
        CHECK(each_once(visits(threads, count, grain)));
      }
    }
  }
}

TEST_CASE("parallel_for: every range is one grain long, but the last", "[core][parallel]") {
  std::atomic<int> whole{0}, wrong{0};
  parallel_for(4, 103, 10, [&](std::int64_t begin, std::int64_t end) {
    if (begin % 10 != 0) ++wrong;
    if (end - begin == 10) ++whole;
    if (end - begin != 10 && (begin != 100 || end != 103)) ++wrong;
  });
  CHECK(whole == 10);
  CHECK(wrong == 0);
}

TEST_CASE("parallel_for: a count or grain that is not positive is taken kindly",
          "[core][parallel]") {
  int calls = 0;
  const auto count_calls = [&calls](std::int64_t, std::int64_t) { ++calls; };
  parallel_for(4, 0, 1, count_calls);
  parallel_for(4, -5, 1, count_calls);
  CHECK(calls == 0);
  parallel_for(0, 3, 0, count_calls);
  CHECK(calls == 3);
  parallel_for(-1, 1, 1, count_calls);
  CHECK(calls == 4);
}

TEST_CASE("parallel_for: counts near the limit of 64 bits do not overflow", "[core][parallel]") {
  std::atomic<std::int64_t> last{0}, total{0};
  const std::int64_t half = std::int64_t{1} << 62;
  parallel_for(4, INT64_MAX, half, [&](std::int64_t begin, std::int64_t end) {
    total += end - begin;
    if (end == INT64_MAX) last = begin;
  });
  CHECK(total == INT64_MAX);
  CHECK(last == half);
  parallel_for(4, 10, INT64_MAX, [&](std::int64_t begin, std::int64_t end) {
    CHECK(begin == 0);
    CHECK(end == 10);
  });
}

TEST_CASE("parallel_for: no more threads take part than were asked for", "[core][parallel]") {
  parallel_for(8, 8, 1, [](std::int64_t, std::int64_t) {});  // the pool has grown
  std::atomic<int> inside{0}, most{0};
  parallel_for(2, 200, 1, [&](std::int64_t, std::int64_t) {
    const int now = ++inside;
    int before = most;
    while (before < now && !most.compare_exchange_weak(before, now)) {
    }
    std::this_thread::sleep_for(std::chrono::microseconds(20));
    --inside;
  });
  CHECK(most <= 2);
}

TEST_CASE("parallel_for: two threads do meet", "[core][parallel]") {
  // Each range waits for the other: this ends only if two threads work at once.
  std::atomic<int> arrived{0};
  parallel_for(2, 2, 1, [&](std::int64_t, std::int64_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  CHECK(arrived == 2);
}

TEST_CASE("parallel_for: a call from inside does all its ranges itself", "[core][parallel]") {
  std::atomic<int> total{0}, elsewhere{0};
  parallel_for(4, 16, 1, [&](std::int64_t, std::int64_t) {
    const auto self = std::this_thread::get_id();
    parallel_for(4, 10, 1, [&](std::int64_t begin, std::int64_t end) {
      total += static_cast<int>(end - begin);
      if (std::this_thread::get_id() != self) ++elsewhere;
    });
  });
  CHECK(total == 160);
  CHECK(elsewhere == 0);
}

TEST_CASE("parallel_for: several callers at once each get all of theirs", "[core][parallel]") {
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&wrong] {
      for (int round = 0; round < 50; ++round) {
        if (!each_once(visits(1 + round % 8, 100, 3))) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
}

// ThreadSanitizer lets no child of fork() make threads.
#if !defined(__SANITIZE_THREAD__)
TEST_CASE("parallel_for: a child of fork() has threads of its own", "[core][parallel]") {
  REQUIRE(each_once(visits(4, 1000, 1)));  // the pool has workers, which the child has not
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::alarm(20);  // instead of waiting for ever
    std::atomic<int> inside{0};
    bool met = false;
    parallel_for(2, 2, 1, [&](std::int64_t, std::int64_t) {
      ++inside;
      while (inside < 2) std::this_thread::yield();
      met = true;
    });
    ::_exit(met && each_once(visits(4, 1000, 1)) ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(each_once(visits(4, 1000, 1)));
}
#endif

TEST_CASE("parallel_for: an exception comes back to the caller, and the pool goes on",
          "[core][parallel]") {
  for (int threads : {1, 2, 8}) {
    INFO(threads);
    CHECK_THROWS_WITH(parallel_for(threads, 100, 1,
                                   [](std::int64_t begin, std::int64_t) {
                                     if (begin == 37) throw std::runtime_error("range 37");
                                   }),
                      "range 37");
    CHECK(each_once(visits(threads, 100, 1)));
  }
}

TEST_CASE("parallel_for: of many exceptions one comes back", "[core][parallel]") {
  CHECK_THROWS_AS(
      parallel_for(4, 100, 1, [](std::int64_t, std::int64_t) { throw std::runtime_error("all"); }),
      std::runtime_error);
}

TEST_CASE("parallel_for: after an exception from inside a nested call the thread is free again",
          "[core][parallel]") {
  const auto nested_throw = [](std::int64_t, std::int64_t) {
    parallel_for(2, 2, 1, [](std::int64_t, std::int64_t) { throw std::runtime_error("inner"); });
  };
  CHECK_THROWS_WITH(parallel_for(2, 4, 1, nested_throw), "inner");
  std::atomic<int> arrived{0};  // ends only if this thread may use the pool again
  parallel_for(2, 2, 1, [&](std::int64_t, std::int64_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  CHECK(arrived == 2);
}
