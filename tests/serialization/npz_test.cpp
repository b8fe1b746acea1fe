#include <lamina/serialization/npz.h>

#include "serialization/zip_writer.h"
#include "tests/serialization/format_matchers.h"
#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>

using namespace lamina;
using namespace lamina::serialization;
using namespace lamina::test;

namespace {

// An archive of one entry with these bytes.
void write_entry(const std::filesystem::path& path, const std::string& name,
                 const std::string& bytes) {
  ZipWriter zip(path);
  zip.begin(name, static_cast<std::int64_t>(bytes.size()), 1);
  zip.write(std::as_bytes(std::span(bytes)));
  zip.end();
  zip.commit();
}

}  // namespace

TEST_CASE("npz: everything comes back bit for bit, in order, as views", "[serialization][npz]") {
  const TemporaryFolder folder;
  StateDict written;
  written.insert("z.weight", Tensor::from<float>({1, 2, 3, 4, 5, 6}, {2, 3}));
  written.insert("a/caf\xc3\xa9", Tensor::from<std::int64_t>({-1}, {}));
  written.insert("empty", Tensor::zeros({0, 2}, DType::f16));
  save_npz(written, folder / "a.npz");
  const StateDict read = load_npz(folder / "a.npz");
  REQUIRE(read.size() == 3);
  auto expected = written.begin();
  for (const auto& [name, tensor] : read) {
    CHECK(name == expected->first);
    CHECK(equal_bits(tensor, expected->second));
    CHECK(reinterpret_cast<std::uintptr_t>(tensor.raw_data()) % 64 == 0);
    CHECK(tensor.is_read_only());
    ++expected;
  }
}

TEST_CASE("npz: a damaged element is noticed by its CRC", "[serialization][npz]") {
  const TemporaryFolder folder;
  StateDict written;
  written.insert("a", Tensor::full({1}, 1.0f));
  save_npz(written, folder / "a.npz");
  std::string bytes = read_text(folder / "a.npz");
  bytes[bytes.find("\x80\x3f")] ^= 1;
  write_text(folder / "a.npz", bytes);
  CHECK_THROWS_MATCHES(load_npz(folder / "a.npz"), FormatError,
                       breaks(FormatErrc::bad_checksum, "bad checksum: zip entry 'a.npy'"));
}

TEST_CASE("npz rules: entries are named arrays", "[serialization][npz]") {
  const TemporaryFolder folder;
  write_entry(folder / "a.npz", "readme.txt", "hello");
  CHECK_THROWS_MATCHES(load_npz(folder / "a.npz"), FormatError,
                       breaks(FormatErrc::bad_field, "not an array: zip entry 'readme.txt'"));
  write_entry(folder / "a.npz", ".npy", "hello");
  CHECK_THROWS_MATCHES(load_npz(folder / "a.npz"), FormatError,
                       breaks(FormatErrc::bad_name, "name is empty"));
  write_entry(folder / "a.npz", "a.npy", "hello");
  CHECK_THROWS_MATCHES(
      load_npz(folder / "a.npz"), FormatError,
      breaks(FormatErrc::bad_magic, "bad magic: not a .npy array: zip entry 'a.npy': "));
}

TEST_CASE("npz: bf16 is refused and leaves nothing behind", "[serialization][npz]") {
  const TemporaryFolder folder;
  StateDict written;
  written.insert("a", Tensor::zeros({1}, DType::bf16));
  CHECK_THROWS_AS(save_npz(written, folder / "a.npz"), Unsupported);
  CHECK(std::filesystem::is_empty(folder.path()));
}
