// Counts calls of operator new, in a program of its own right: the replacement is global.
#include <lamina/nn/session.h>

#include "tests/nn/networks.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::int64_t> allocations{0};

void* counted(std::size_t size, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = alignment > 0
                     ? std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
                     : std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return counted(size, 0); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

using namespace lamina;

TEST_CASE("session: allocates nothing after the first run", "[nn][session][allocation]") {
  const auto network = test::small_network();
  const Tensor batch = test::pattern({5, 3, 16, 16});
  Session session(*network, {.threads = 2, .max_batch = 2, .outputs = {"3"}});
  Tensor logits = session.run(batch);
  const std::int64_t before = allocations.load();
  for (int i = 0; i < 5; ++i) {
    logits = session.run(batch);
    session.output("3");
  }
  CHECK(allocations.load() - before == 0);
}

TEST_CASE("session: sessions of one model share packed and folded weights",
          "[nn][session][allocation]") {
  const auto network = test::small_network();
  const Tensor batch = test::pattern({1, 3, 8, 8});
  Session first(*network);
  first.run(batch);
  // The shared entries are found by the storage; a second session packs nothing, so the bytes it
  // allocates are far fewer than the packed weights.
  Session second(*network);
  second.run(batch);
  CHECK(first.packed_bytes() == second.packed_bytes());
  CHECK(first.packed_bytes() > 0);
}
