#include "core/storage.h"

#include <lamina/core/error.h>
#include <lamina/core/tensor.h>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>

#include <unistd.h>

using namespace lamina;

namespace {

std::int64_t resident_bytes() {
  std::int64_t size_pages = 0, resident_pages = 0;
  std::ifstream("/proc/self/statm") >> size_pages >> resident_pages;
  return resident_pages * sysconf(_SC_PAGESIZE);
}

}  // namespace

TEST_CASE("storage: zeroed memory is zero and aligned, whatever its size", "[core][storage]") {
  for (const std::int64_t size_bytes : {0, 1, 63, 64, 4097, 1 << 20}) {
    const auto storage = Storage::allocate_zeroed(size_bytes);
    const auto* bytes = static_cast<const unsigned char*>(storage->data());
    CHECK(reinterpret_cast<std::uintptr_t>(bytes) % kAlignment == 0);
    CHECK(std::all_of(bytes, bytes + size_bytes, [](unsigned char byte) { return byte == 0; }));
  }
}

TEST_CASE("storage: large zeroed memory is not touched before it is used", "[core][storage]") {
  constexpr std::int64_t kBytes = std::int64_t{1} << 28;
  const std::int64_t before = resident_bytes();
  const Tensor zeros = Tensor::zeros({kBytes / 4});
  CHECK(resident_bytes() - before < kBytes / 4);
}

TEST_CASE("storage: a limit refuses what goes beyond it, and ends with its scope",
          "[core][storage]") {
  {
    const AllocationLimit limit(1000);
    Tensor::zeros({200});
    try {
      Tensor::empty({60});
      FAIL("nothing was thrown");
    } catch (const FormatError& error) {
      CHECK(error.code() == FormatErrc::limit);
    }
    const AllocationLimit inner(1 << 20);
    CHECK_NOTHROW(Tensor::empty({1000}));
  }
  CHECK_NOTHROW(Tensor::empty({1000}));
}
