// Waits and numbers of tries, without a server.
#include "models/download/patience.h"

#include <catch2/catch.hpp>

using lamina::models::detail::DownloadPace;
using lamina::models::detail::Patience;
using std::chrono::milliseconds;

namespace {

constexpr std::int64_t kMiB = 1 << 20;

}  // namespace

TEST_CASE("patience: waits double, less a random part of at most a half", "[models][download]") {
  Patience patience({.tries = 9}, 0);
  for (int wait_ms = 1000; wait_ms <= 64'000; wait_ms *= 2) {
    const auto wait = patience.after({.what = "cut"}, 0);
    REQUIRE(wait);
    CHECK(*wait >= milliseconds(wait_ms / 2));
    CHECK(*wait <= milliseconds(wait_ms));
  }
  CHECK(patience.after({.what = "cut"}, 0) <= milliseconds(120'000));
  CHECK(!patience.after({.what = "cut"}, 0));
}

TEST_CASE("patience: a mebibyte more than ever before earns new tries, less does not",
          "[models][download]") {
  Patience patience({}, 5 * kMiB);
  for (int i = 0; i < 4; ++i) CHECK(patience.after({.what = "cut"}, 6 * kMiB - 1));
  CHECK(patience.failures() == 4);
  CHECK(patience.after({.what = "cut"}, 6 * kMiB));
  CHECK(patience.failures() == 1);
  for (int i = 0; i < 3; ++i) CHECK(patience.after({.what = "cut"}, 0));
  CHECK(!patience.after({.what = "cut"}, 6 * kMiB));
}

TEST_CASE("patience: the server's wait is taken up to the bound", "[models][download]") {
  Patience patience({}, 0);
  CHECK(patience.after({.what = "503", .wait = milliseconds(7000)}, 0) == milliseconds(7000));
  CHECK(patience.after({.what = "503", .wait = milliseconds(999'000)}, 0) == milliseconds(120'000));
}

TEST_CASE("patience: where no server answers there are fewer tries, and one that was long will do",
          "[models][download]") {
  Patience refused({}, 0);
  refused.begin_try();
  CHECK(refused.after({.what = "refused", .unreachable = true}, 0));
  CHECK(refused.after({.what = "refused", .unreachable = true}, 0));
  CHECK(!refused.after({.what = "refused", .unreachable = true}, 0));

  Patience silent({.limits = {.connect_timeout = milliseconds(0)}}, 0);
  silent.begin_try();
  CHECK(!silent.after({.what = "silence", .unreachable = true}, 0));

  Patience back({}, 0);
  back.begin_try();
  back.answered();
  for (int i = 0; i < 4; ++i) CHECK(back.after({.what = "gone again", .unreachable = true}, 0));
}
