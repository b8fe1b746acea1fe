// The digests of FIPS 180-4's examples.
#include "models/download/sha256.h"
#include "tests/models/download/scene.h"

#include <catch2/catch.hpp>

#include <span>

using lamina::models::detail::Sha256;
using lamina::test::sha256_of;

TEST_CASE("sha256: gives the standard's digests", "[models][download]") {
  CHECK(sha256_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("sha256: pieces of any size give the digest of the whole", "[models][download]") {
  const std::string million(1'000'000, 'a');
  Sha256 digest;
  const std::span<const std::byte> all = std::as_bytes(std::span(million));
  digest.update(all.first(1));
  digest.update(all.subspan(1, 0));
  digest.update(all.subspan(1));
  CHECK(digest.hex_digest() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
