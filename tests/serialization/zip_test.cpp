// Zip archives: both directions, and hostile ones.
#include "serialization/zip_reader.h"
#include "serialization/zip_writer.h"
#include "tests/serialization/format_matchers.h"
#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include <zlib.h>

using namespace lamina;
using namespace lamina::serialization;
using namespace lamina::test;
namespace fs = std::filesystem;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::uint32_t crc_of(const std::string& text) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

std::string deflate_raw(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ::deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// One entry as its two headers describe it; the local ones differ only where a test says so.
struct Entry {
  std::string name, data;
  std::uint16_t method = 0, flags = 0;
  std::uint32_t crc = 0, compressed = 0, size = 0;
  std::string local_name = name;
  std::uint16_t local_method = method;
  std::uint32_t local_crc = crc, local_compressed = compressed, local_size = size;
  std::int64_t central_offset = -1;  // -1: where the local header is
};

Entry stored(const std::string& name, const std::string& data) {
  const auto size = static_cast<std::uint32_t>(data.size());
  return {.name = name, .data = data, .crc = crc_of(data), .compressed = size, .size = size};
}

Entry deflated(const std::string& name, const std::string& content) {
  const std::string data = deflate_raw(content);
  return {.name = name,
          .data = data,
          .method = 8,
          .crc = crc_of(content),
          .compressed = static_cast<std::uint32_t>(data.size()),
          .size = static_cast<std::uint32_t>(content.size())};
}

std::string zip_bytes(const std::vector<Entry>& entries, int count_error = 0) {
  std::string bytes, directory;
  for (const Entry& entry : entries) {
    const auto offset = entry.central_offset < 0 ? static_cast<std::uint32_t>(bytes.size())
                                                 : static_cast<std::uint32_t>(entry.central_offset);
    bytes += bytes_of_integer<std::uint32_t>(0x04034b50) + bytes_of_integer<std::uint16_t>(20) +
             bytes_of_integer(entry.flags) + bytes_of_integer(entry.local_method) +
             bytes_of_integer<std::uint32_t>(0) + bytes_of_integer(entry.local_crc) +
             bytes_of_integer(entry.local_compressed) + bytes_of_integer(entry.local_size) +
             bytes_of_integer(static_cast<std::uint32_t>(entry.local_name.size())) +
             entry.local_name + entry.data;
    directory += bytes_of_integer<std::uint32_t>(0x02014b50) + bytes_of_integer<std::uint32_t>(20) +
                 bytes_of_integer(entry.flags) + bytes_of_integer(entry.method) +
                 bytes_of_integer<std::uint32_t>(0) + bytes_of_integer(entry.crc) +
                 bytes_of_integer(entry.compressed) + bytes_of_integer(entry.size) +
                 bytes_of_integer(static_cast<std::uint32_t>(entry.name.size())) +
                 std::string(10, '\0') + bytes_of_integer(offset) + entry.name;
  }
  const auto count = static_cast<std::uint16_t>(static_cast<int>(entries.size()) + count_error);
  const auto offset = static_cast<std::uint32_t>(bytes.size());
  return bytes + directory + bytes_of_integer<std::uint32_t>(0x06054b50) +
         bytes_of_integer<std::uint32_t>(0) + bytes_of_integer(count) + bytes_of_integer(count) +
         bytes_of_integer(static_cast<std::uint32_t>(directory.size())) + bytes_of_integer(offset) +
         std::string(2, '\0');
}

// Opens the archive and reads everything in it.
std::string read_all(const std::string& bytes) {
  const TemporaryFolder folder;
  write_text(folder / "x.zip", bytes);
  const ZipReader zip(MappedFile::open(folder / "x.zip"));
  std::string text;
  for (const ZipEntry& entry : zip.entries()) {
    const ZipContent content = zip.read(entry);
    text += entry.name + "=" +
            std::string(reinterpret_cast<const char*>(content.bytes.data()), content.bytes.size()) +
            ";";
  }
  return text;
}

void check_breaks(const std::string& bytes, FormatErrc code, const std::string& message) {
  CHECK_THROWS_MATCHES(read_all(bytes), FormatError, breaks(code, message));
}

}  // namespace

TEST_CASE("zip: stored and deflated entries read", "[serialization][zip]") {
  const std::string long_text(100'000, 'x');
  CHECK(read_all(zip_bytes({stored("a", "hello"), deflated("b/c", long_text), stored("d", "")})) ==
        "a=hello;b/c=" + long_text + ";d=;");
  CHECK(read_all(zip_bytes({})).empty());
}

TEST_CASE("zip: an archive with a comment reads", "[serialization][zip]") {
  std::string bytes = zip_bytes({stored("a", "1")});
  bytes[bytes.size() - 2] = 5;
  CHECK(read_all(bytes + "PK\x05\x06!") == "a=1;");
}

TEST_CASE("zip: sizes behind the data, as a stream writes them, read", "[serialization][zip]") {
  Entry entry = stored("a", "hello");
  entry.flags = 8;
  entry.local_crc = entry.local_size = entry.local_compressed = 0;
  CHECK(read_all(zip_bytes({entry})) == "a=hello;");
}

TEST_CASE("zip: what the writer writes reads, aligned, zip64 or not", "[serialization][zip]") {
  const TemporaryFolder folder;
  for (const std::int64_t zip64_from :
       {std::int64_t{0xffffffff}, std::int64_t{4}, std::int64_t{0}}) {
    ZipWriter writer(folder / "a.zip", zip64_from);
    for (const std::string text : {"ab", "", "abcdefgh"}) {
      writer.begin("n" + text + "\xc3\xa9", static_cast<std::int64_t>(text.size()), 64);
      writer.write(bytes_of(text));
      writer.end();
    }
    writer.commit();
    const ZipReader zip(MappedFile::open(folder / "a.zip"));
    REQUIRE(zip.entries().size() == 3);
    for (const ZipEntry& entry : zip.entries()) CHECK(entry.data_offset % 64 == 0);
    CHECK(read_all(read_text(folder / "a.zip")) ==
          "nab\xc3\xa9=ab;n\xc3\xa9=;nabcdefgh\xc3\xa9=abcdefgh;");
    CHECK(zip.find("nab\xc3\xa9") == &zip.entries()[0]);
    CHECK(zip.find("none") == nullptr);
  }
}

TEST_CASE("zip rules: the end record and the directory", "[serialization][zip]") {
  const std::string bytes = zip_bytes({stored("a", "hello")});
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    INFO("length " << length);
    check_breaks(bytes.substr(0, length), FormatErrc::truncated, "a zip without its end record");
  }
  check_breaks("x" + bytes, FormatErrc::bad_field, "does not end where its end record stands");
  check_breaks(zip_bytes({stored("a", "")}, 1), FormatErrc::size_mismatch,
               "2 entries are announced, the central directory holds fewer");
  std::string damaged = bytes;
  damaged[damaged.find("PK\x01\x02")] = 'Q';
  check_breaks(damaged, FormatErrc::bad_field, "an entry of the central directory is damaged");
  std::string in_parts = bytes;
  in_parts[in_parts.size() - 18] = 1;
  check_breaks(in_parts, FormatErrc::bad_field, "one of several parts");
}

TEST_CASE("zip rules: entries", "[serialization][zip]") {
  check_breaks(zip_bytes({stored("a", "1"), stored("a", "2")}), FormatErrc::duplicate_name,
               "duplicate name: zip entry 'a'");
  Entry entry = stored("a", "hello");
  entry.flags = 1;
  check_breaks(zip_bytes({entry}), FormatErrc::bad_flags, "encrypted: zip entry 'a'");
  entry = stored("a", "hello");
  entry.method = entry.local_method = 14;
  check_breaks(zip_bytes({entry}), FormatErrc::bad_field, "unknown compression method 14");
  entry = stored("a", "hello");
  entry.size = entry.local_size = 6;
  check_breaks(zip_bytes({entry}), FormatErrc::size_mismatch, "5 bytes stored of 6");
  entry = stored("a", "hello");
  entry.central_offset = 1000;
  check_breaks(zip_bytes({entry}), FormatErrc::out_of_bounds, "zip entry 'a'");
  entry = stored("a", "hello");
  entry.size = entry.local_size = entry.compressed = entry.local_compressed = 500;
  check_breaks(zip_bytes({entry}), FormatErrc::out_of_bounds, "500 bytes at 31");
  Entry twice = stored("a", "hello");
  twice.local_name = "b";
  check_breaks(zip_bytes({twice}), FormatErrc::size_mismatch, "the name differs");
}

TEST_CASE("zip rules: two entries on the same bytes are an overlap", "[serialization][zip]") {
  // "b" has its header inside the data of "a".
  const std::string inner = zip_bytes({stored("b", "hello")});
  Entry outer = stored("a", inner.substr(0, inner.find("PK\x01\x02")));
  Entry hidden = stored("b", "hello");
  hidden.central_offset = 31;
  check_breaks(zip_bytes({outer, hidden}), FormatErrc::overlap,
               "zip entry 'b' begins inside another");
}

TEST_CASE("zip rules: local headers agree with the directory", "[serialization][zip]") {
  for (int field = 0; field < 4; ++field) {
    Entry entry = stored("a", "hello");
    if (field == 0) entry.local_method = 8;
    if (field == 1) ++entry.local_crc;
    if (field == 2) ++entry.local_compressed;
    if (field == 3) ++entry.local_size;
    check_breaks(zip_bytes({entry}), FormatErrc::size_mismatch,
                 "differs between local header and central directory: zip entry 'a'");
  }
}

TEST_CASE("zip rules: content", "[serialization][zip]") {
  Entry entry = stored("a", "hello");
  entry.data[1] = 'u';
  check_breaks(zip_bytes({entry}), FormatErrc::bad_checksum, "bad checksum: zip entry 'a'");
  entry = deflated("a", "hello");
  entry.data[0] = '\x07';  // a block type that does not exist
  check_breaks(zip_bytes({entry}), FormatErrc::bad_field, "bad deflate stream");
  for (const int error : {-1, 1}) {
    entry = deflated("a", "hello");
    entry.size = entry.local_size = static_cast<std::uint32_t>(5 + error);
    check_breaks(zip_bytes({entry}), FormatErrc::bad_field, "bad deflate stream");
  }
  entry = deflated("a", "hello");
  entry.size = entry.local_size = 4'000'000'000u;
  check_breaks(zip_bytes({entry}), FormatErrc::limit, "too large: the deflated entries of");
  entry.size = entry.local_size = 1'000'000;
  check_breaks(zip_bytes({entry}), FormatErrc::limit, "too large: 1000000 bytes out of");
}

TEST_CASE("zip rules: a reader's own bound on the content", "[serialization][zip]") {
  const TemporaryFolder folder;
  write_text(folder / "x.zip", zip_bytes({deflated("a", std::string(1000, 'x'))}));
  const ZipReader zip(MappedFile::open(folder / "x.zip"));
  CHECK(zip.read(zip.entries()[0], 1000).bytes.size() == 1000);
  CHECK_THROWS_MATCHES(zip.read(zip.entries()[0], 999), FormatError,
                       breaks(FormatErrc::limit, "too large: 1000 bytes, at most 999"));
}

TEST_CASE("zip: a flipped bit in any byte brings no wrong content and no crash",
          "[serialization][zip]") {
  const std::string bytes = zip_bytes({stored("a", "hello"), deflated("b", "hello hello hello")});
  const std::string expected = read_all(bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    std::string read;
    try {
      read = read_all(damaged);
    } catch (const FormatError&) {
      continue;
    }
    CHECK(read == expected);  // versions, dates and attributes mean nothing to us
  }
}
