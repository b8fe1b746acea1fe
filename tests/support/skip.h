// LAMINA_SKIP("needs AVX-512"): ends a TEST_CASE that this machine cannot run. CTest counts it as
// skipped, never as passed. (Catch2 v2 has no SKIP of its own.)
#pragma once

#include <catch2/catch.hpp>

#define LAMINA_SKIP(reason)            \
  do {                                 \
    WARN("LAMINA_SKIP: " << (reason)); \
    return;                            \
  } while (false)
