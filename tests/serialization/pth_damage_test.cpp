// Damaged files of PyTorch's: cut off anywhere, or with a byte changed.
#include <lamina/core/error.h>
#include <lamina/serialization/load.h>
#include <lamina/serialization/pth.h>

#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace lamina {
namespace {

namespace fs = std::filesystem;
using test::read_text;
using test::TemporaryFolder;
using test::write_text;

fs::path fixture(const char* name) {
  return fs::path(LAMINA_TEST_DATA) / "pth" / "torch-2.15" / name;
}

bool same(const StateDict& a, const StateDict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, tensor] : a) {
    const Tensor* const other = b.find(name);
    if (other == nullptr || other->shape() != tensor.shape() || other->dtype() != tensor.dtype() ||
        !equal_bits(*other, tensor)) {
      return false;
    }
  }
  return true;
}

// Reads every tensor's every byte, so that a sanitizer sees one that points astray.
std::int64_t touched(const StateDict& tensors) {
  std::int64_t sum = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto* const bytes = static_cast<const unsigned char*>(tensor.raw_data());
    for (std::int64_t i = 0; i < tensor.nbytes(); ++i) sum += bytes[i];
  }
  return sum;
}

enum class Outcome { error, right, other };

Outcome outcome_of(const fs::path& path, const StateDict& expected, bool verify) {
  try {
    const StateDict tensors = load(path, {.verify = verify});
    CHECK(touched(tensors) >= 0);
    return same(tensors, expected) ? Outcome::right : Outcome::other;
  } catch (const Error&) {
    return Outcome::error;
  }
}

// Every length of the file, in steps that visit each place of a small one.
void check_truncations(const fs::path& file) {
  INFO(file.string());
  TemporaryFolder folder;
  const std::string bytes = read_text(file);
  const StateDict expected = load(file);
  const std::size_t step = bytes.size() / 1500 + 1;
  for (std::size_t length = 0; length < bytes.size(); length += step) {
    write_text(folder / "cut.pth", std::string_view(bytes).substr(0, length));
    INFO("cut at " << length << " of " << bytes.size());
    // A tar may end anywhere in its padding.
    CHECK(outcome_of(folder / "cut.pth", expected, false) != Outcome::other);
  }
}

// The outcomes of every changed byte.
std::vector<Outcome> flip_every_byte(const fs::path& file, bool verify) {
  TemporaryFolder folder;
  const std::string bytes = read_text(file);
  const StateDict expected = load(file);
  const std::size_t step = bytes.size() / 3000 + 1;
  std::vector<Outcome> outcomes;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x24);
    write_text(folder / "damaged.pth", damaged);
    INFO("byte " << at << " of " << file.string());
    outcomes.push_back(outcome_of(folder / "damaged.pth", expected, verify));
    if (verify) CHECK(outcomes.back() != Outcome::other);
  }
  return outcomes;
}

TEST_CASE("pth: a file cut off anywhere is an error or the right data", "[serialization][pth]") {
  for (const char* const name :
       {"state_dict.zip.pth", "state_dict.legacy.pth", "views.zip.pth", "views.legacy.pth"}) {
    check_truncations(fixture(name));
  }
  check_truncations(fs::path(LAMINA_TEST_DATA) / "pth" / "old" / "tar_ustar.pth");
}

TEST_CASE("pth: verified, a zip with a changed byte is an error or the right data",
          "[serialization][pth]") {
  (void)flip_every_byte(fixture("state_dict.zip.pth"), /*verify=*/true);
  (void)flip_every_byte(fixture("views.zip.pth"), /*verify=*/true);
}

// The old kinds have no checksums: a changed byte of a number is another number.
TEST_CASE("pth: a changed byte of a legacy file is never more than other data",
          "[serialization][pth]") {
  const auto outcomes = flip_every_byte(fixture("state_dict.legacy.pth"), /*verify=*/false);
  CHECK(std::count(outcomes.begin(), outcomes.end(), Outcome::error) > 100);
  (void)flip_every_byte(fs::path(LAMINA_TEST_DATA) / "pth" / "old" / "tar_ustar.pth", false);
}

}  // namespace
}  // namespace lamina
