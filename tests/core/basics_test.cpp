// The small parts: devices, errors, the log, the version, checked arithmetic.
#include <lamina/core/device.h>
#include <lamina/core/error.h>
#include <lamina/core/log.h>
#include <lamina/core/version.h>

#include "core/checked_math.h"
#include "core/log_internal.h"
#include "core/require.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace lamina;

TEST_CASE("device: names go both ways", "[core][device]") {
  CHECK(parse_device("cpu") == Device{});
  CHECK(parse_device("cuda") == Device{DeviceType::cuda, 0});
  CHECK(parse_device("cuda:3") == Device{DeviceType::cuda, 3});
  CHECK(to_string(Device{DeviceType::cuda, 12}) == "cuda:12");
  CHECK(to_string(Device{}) == "cpu");
}

TEST_CASE("device: anything else is an error with a hint", "[core][device]") {
  for (const char* text : {"", "CPU", "cpu:0", "cuda:", "cuda:-1", "cuda:1x", "cuda: 1", "gpu",
                           "cuda:99999999999", "auto"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_device(text), InvalidArgument);
  }
}

TEST_CASE("error: every child is an Error with its hint", "[core][error]") {
  const auto check = [](const Error& error) {
    CHECK(std::string(error.what()) == "what");
    CHECK(error.hint() == "hint");
  };
  check(InvalidArgument("what", "hint"));
  check(Unsupported("what", "hint"));
  check(IoError("what", "hint"));
  check(StateDictError("what", "hint"));
  check(DeviceError("what", "hint"));
  check(CudaError("what", "hint"));
  check(FormatError(FormatErrc::hole, "what", "hint"));
  CHECK(Error("what").hint().empty());
}

TEST_CASE("error: a message is one printable line of bounded length", "[core][error]") {
  const Error error("tensor 'a\n\x1b[2J\x7f\t\xc2\x9b\xcf\x80'", "two\nlines");
  CHECK(std::string(error.what()) == "tensor 'a\\x0a\\x1b[2J\\x7f\\x09\\xc2\x9bπ'");
  CHECK(error.hint() == "two\\x0alines");
  const std::string text = Error(std::string(1'000'000, 'x')).what();
  CHECK(text.size() < 4100);
  CHECK(text.ends_with("x..."));
}

TEST_CASE("error: every rule of a format has a name of its own", "[core][error]") {
  std::set<std::string> names;
  const int count = static_cast<int>(FormatErrc::image_too_large) + 1;
  for (int code = 0; code < count; ++code) {
    const std::string name = to_string(static_cast<FormatErrc>(code));
    CHECK(name != "unknown");
    names.insert(name);
  }
  CHECK(static_cast<int>(names.size()) == count);
  CHECK(FormatError(FormatErrc::hole, "").code() == FormatErrc::hole);
}

TEST_CASE("require: throws the formatted message, shapes and all", "[core][error]") {
  const Shape shape{1, 2};
  CHECK_NOTHROW([&] { LAMINA_REQUIRE(true, "{}", shape); }());
  CHECK_THROWS_WITH([&] { LAMINA_REQUIRE(false, "[x] got {} at {}", shape, 3); }(),
                    "[x] got [1, 2] at 3");
}

TEST_CASE("log: goes to the callback, and nowhere without one", "[core][log]") {
  std::vector<std::string> lines;
  set_log_callback([&lines](LogLevel level, std::string_view text) {
    lines.push_back((level == LogLevel::warning ? "warning: " : "") + std::string(text));
  });
  log(LogLevel::info, "plan {} of {}", 1, 2);
  log(LogLevel::warning, "plain {braces}");
  set_log_callback({});
  log(LogLevel::info, "unheard");
  CHECK(lines == std::vector<std::string>{"plan 1 of 2", "warning: plain {braces}"});
}

TEST_CASE("log: calls from several threads come one at a time", "[core][log]") {
  int calls = 0;  // unguarded on purpose
  set_log_callback([&calls](LogLevel, std::string_view) { ++calls; });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int j = 0; j < 100; ++j) log(LogLevel::debug, "tick");
    });
  }
  for (std::thread& thread : threads) thread.join();
  set_log_callback({});
  CHECK(calls == 400);
}

TEST_CASE("version: the linked library is the one of the headers", "[core][version]") {
  const std::string expected = std::to_string(LAMINA_VERSION_MAJOR) + "." +
                               std::to_string(LAMINA_VERSION_MINOR) + "." +
                               std::to_string(LAMINA_VERSION_PATCH);
  CHECK(version() == expected);
}

TEST_CASE("checked_math: says when a sum or product does not fit", "[core][math]") {
  CHECK(checked_add(INT64_MAX, 0) == INT64_MAX);
  CHECK_FALSE(checked_add(INT64_MAX, 1).has_value());
  CHECK_FALSE(checked_add(INT64_MIN, -1).has_value());
  CHECK(checked_mul(std::int64_t{1} << 31, std::int64_t{1} << 31) == std::int64_t{1} << 62);
  CHECK_FALSE(checked_mul(std::int64_t{1} << 32, std::int64_t{1} << 31).has_value());
  CHECK_FALSE(checked_mul(INT64_MIN, -1).has_value());
}

TEST_CASE("checked_math: rounds up to multiples", "[core][math]") {
  CHECK(round_up(1, 64) == 64);
  CHECK(round_up(64, 64) == 64);
  CHECK(round_up(65, 64) == 128);
  CHECK(ceil_div(7, 3) == 3);
  CHECK(ceil_div(6, 3) == 2);
}
