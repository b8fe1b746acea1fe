// How often a test program has called operator new. Linking allocations.cpp replaces the global
// operators, which sanitizers do too: such tests are programs of their own, left out of sanitizer
// builds by lamina_add_allocation_test().
#pragma once

#include <cstdint>

namespace lamina::test {

std::int64_t allocation_count();

}  // namespace lamina::test
