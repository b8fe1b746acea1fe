#include <lamina/core/error.h>
#include <lamina/core/threads.h>

#include "core/cpu_features.h"
#include "tests/support/environment.h"

#include <catch2/catch.hpp>

#include <thread>

using namespace lamina;
using lamina::test::EnvironmentVariable;

namespace {

constexpr CpuFeatures kEverything{.isa = Isa::amx,
                                  .avx_vnni = true,
                                  .avx512_vnni = true,
                                  .avx512_bf16 = true,
                                  .amx_bf16 = true,
                                  .amx_int8 = true};

}  // namespace

TEST_CASE("cpu_features: a cap hides what lies above it, and only that", "[core][cpu]") {
  const CpuFeatures avx512 = kEverything.capped(Isa::avx512);
  CHECK(avx512.isa == Isa::avx512);
  CHECK((avx512.avx512_vnni && avx512.avx512_bf16));
  CHECK_FALSE((avx512.amx_bf16 || avx512.amx_int8));
  const CpuFeatures avx2 = kEverything.capped(Isa::avx2);
  CHECK(avx2.isa == Isa::avx2);
  CHECK((avx2.avx_vnni && avx2.vnni()));
  CHECK_FALSE(kEverything.capped(Isa::scalar).vnni());
  CHECK_FALSE((avx2.avx512_vnni || avx2.avx512_bf16 || avx2.amx_bf16 || avx2.amx_int8));
  CHECK(kEverything.capped(Isa::scalar).isa == Isa::scalar);
  CHECK(kEverything.capped(Isa::amx).amx_int8);
}

TEST_CASE("cpu_features: a cap gives nothing that the machine lacks", "[core][cpu]") {
  CHECK(CpuFeatures{}.capped(Isa::amx).isa == Isa::scalar);
  CHECK(CpuFeatures{.isa = Isa::avx2}.capped(Isa::avx512).isa == Isa::avx2);
}

TEST_CASE("cpu_features: extensions come only with the level they extend", "[core][cpu]") {
  const CpuFeatures here = detect_cpu_features();
  if (here.avx512_vnni || here.avx512_bf16) CHECK(here.isa >= Isa::avx512);
  if (here.amx_bf16 || here.amx_int8) CHECK(here.isa == Isa::amx);
}

TEST_CASE("cpu_features: LAMINA_ISA caps, and a wrong name is an error with a hint",
          "[core][cpu]") {
  {
    const EnvironmentVariable cap("LAMINA_ISA", "scalar");
    CHECK(usable_cpu_features().isa == Isa::scalar);
  }
  {
    const EnvironmentVariable cap("LAMINA_ISA", "");
    CHECK(usable_cpu_features().isa == detect_cpu_features().isa);
  }
  const EnvironmentVariable cap("LAMINA_ISA", "avx1024");
  try {
    usable_cpu_features();
    FAIL("no such instruction set, and no exception");
  } catch (const InvalidArgument& error) {
    CHECK_THAT(error.what(), Catch::Contains("avx1024"));
    CHECK_THAT(error.hint(), Catch::Contains("avx512"));
  }
}

TEST_CASE("cpu_features: names go both ways", "[core][cpu]") {
  for (Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512, Isa::amx}) {
    CHECK(parse_isa(to_string(isa)) == isa);
  }
  CHECK_FALSE(parse_isa("AVX2").has_value());
  CHECK(parse_isa("scalar") == Isa::scalar);
  CHECK(describe(CpuFeatures{}) == to_string(Isa::scalar));
  CHECK(describe({.isa = Isa::avx2}) == "avx2");
  CHECK(describe({.isa = Isa::avx2, .avx_vnni = true}) == "avx2 vnni");
  // The other encoding is no vector of this width.
  CHECK(describe({.isa = Isa::avx512, .avx_vnni = true}) == "avx512");
  CHECK(describe(kEverything) == "amx vnni bf16 amx-bf16 amx-int8");
  CHECK_FALSE(cpu_model_name().empty());
}

TEST_CASE("threads: LAMINA_NUM_THREADS replaces what the machine offers", "[core][threads]") {
  const EnvironmentVariable threads("LAMINA_NUM_THREADS", "7");
  CHECK(available_threads() == 7);
}

TEST_CASE("threads: a LAMINA_NUM_THREADS that is no positive number is ignored",
          "[core][threads]") {
  const EnvironmentVariable unset("LAMINA_NUM_THREADS", nullptr);
  const int offered = available_threads();
  CHECK(offered >= 1);
  CHECK(offered <= static_cast<int>(std::thread::hardware_concurrency()));
  for (const char* value : {"", "0", "-3", "two", "2x", "99999999999999999999"}) {
    INFO(value);
    const EnvironmentVariable threads("LAMINA_NUM_THREADS", value);
    CHECK(available_threads() == offered);
  }
}
