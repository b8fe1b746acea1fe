#include <lamina/nn/session.h>

#include "tests/nn/networks.h"
#include "tests/support/allocations.h"

#include <catch2/catch.hpp>

using namespace lamina;

TEST_CASE("session: allocates nothing after the first run", "[nn][session][allocation]") {
  const auto network = test::small_network();
  const Tensor batch = test::pattern({5, 3, 16, 16});
  Session session(*network, {.threads = 2, .max_batch = 2, .outputs = {"3"}});
  Tensor logits = session.run(batch);
  const std::int64_t before = test::allocation_count();
  for (int i = 0; i < 5; ++i) {
    logits = session.run(batch);
    session.output("3");
  }
  CHECK(test::allocation_count() - before == 0);
}
