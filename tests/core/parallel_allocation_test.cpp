#include "core/parallel.h"
#include "tests/support/allocations.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <cstdint>

using lamina::parallel_for;

TEST_CASE("parallel_for: allocates nothing once the pool has grown", "[core][parallel]") {
  parallel_for(8, 64, 1, [](std::int64_t, std::int64_t) {});
  std::atomic<std::int64_t> sum{0};
  const std::int64_t before = lamina::test::allocation_count();
  for (int round = 0; round < 100; ++round) {
    parallel_for(1 + round % 8, 64, 1, [&](std::int64_t begin, std::int64_t) { sum += begin; });
  }
  CHECK(lamina::test::allocation_count() - before == 0);
  CHECK(sum == 100 * (63 * 64 / 2));
}
