// Every rule of the container broken alone: the checksum is always right, so that the rule under
// test is the one that fires.
#include <lamina/serialization/container.h>

#include "serialization/checksum.h"
#include "tests/serialization/format_matchers.h"
#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>

using namespace lamina;
using namespace lamina::serialization;
using namespace lamina::test;

namespace {

// The manifest is filled with spaces up to here, so that offsets can be written down as numbers.
constexpr std::size_t kDataOffset = 1024;

struct Header {
  std::string magic = "\x89LAMINA\n";
  std::uint16_t major = 1, minor = 0;
  std::uint32_t flags = 0;
  std::optional<std::uint64_t> length{};
};

// A file with this manifest and data, whose checksum is right.
std::string container_bytes(std::string manifest, const std::string& data,
                            const Header& header = {}) {
  if (manifest.size() < kDataOffset - 32) manifest.resize(kDataOffset - 32, ' ');
  std::string bytes = header.magic + bytes_of_integer(header.major) +
                      bytes_of_integer(header.minor) + bytes_of_integer(header.flags) +
                      bytes_of_integer(header.length.value_or(manifest.size()));
  Checksum checksum;
  checksum.update(std::as_bytes(std::span(bytes)));
  checksum.update(std::as_bytes(std::span(manifest)));
  return bytes + bytes_of_integer(checksum.value()) + manifest + data;
}

std::string tensor(const std::string& name, const std::string& shape, const std::string& offset,
                   const std::string& nbytes, const std::string& dtype = "\"f32\"") {
  return "{\"name\":\"" + name + "\",\"dtype\":" + dtype + ",\"shape\":" + shape +
         ",\"offset\":" + offset + ",\"nbytes\":" + nbytes + ",\"checksum\":\"0123456789abcdef\"}";
}

std::string manifest(const std::string& tensors, const std::string& more = "") {
  return R"({"format":"lamina","created_by":"a test","tensors":[)" + tensors + "]" + more + "}";
}

Container read(const std::string& bytes, const LoadOptions& options = {}) {
  const TemporaryFolder folder;
  write_text(folder / "x.lamina", bytes);
  return read_container(folder / "x.lamina", options);
}

// A tensor of 16 floats at the start of the data, and the data.
const std::string kFirst = tensor("a", "[16]", "1024", "64");
const std::string kData(64, '\x11');

void check_breaks(const std::string& bytes, FormatErrc code, const std::string& message) {
  CHECK_THROWS_MATCHES(read(bytes), FormatError, breaks(code, message));
}

// A manifest whose one tensor is this.
void check_tensor_breaks(const std::string& text, FormatErrc code, const std::string& message) {
  check_breaks(container_bytes(manifest(text), kData), code, message);
}

}  // namespace

TEST_CASE("container rules: a file made by hand reads", "[serialization][container]") {
  const Container container = read(container_bytes(manifest(kFirst), kData));
  CHECK(container.created_by == "a test");
  CHECK(container.tensors.at("a").shape() == Shape{16});
}

TEST_CASE("container rules: unknown keys and a newer minor version are ignored",
          "[serialization][container]") {
  std::string first = kFirst;
  first.insert(1, R"("colour":{"deep":[1,2,{"x":null}]},)");
  CHECK(read(container_bytes(manifest(first, R"(,"later":[1.5,true])"), kData, {.minor = 7}))
            .tensors.size() == 1);
}

TEST_CASE("container rules: the magic", "[serialization][container]") {
  check_breaks(container_bytes(manifest(""), "", {.magic = "\x89LAMINO\n"}), FormatErrc::bad_magic,
               "bad magic: not a lamina container");
  try {
    read("\x89LAMINA\r\n and so on, long enough for a header");
    FAIL("a text-mode copy was read");
  } catch (const FormatError& error) {
    CHECK(error.code() == FormatErrc::bad_magic);
    CHECK(error.hint().find("text mode") != std::string::npos);
  }
}

TEST_CASE("container rules: a newer major version is refused by its number",
          "[serialization][container]") {
  check_breaks(container_bytes(manifest(""), "", {.major = 2, .minor = 3}),
               FormatErrc::unsupported_version, "unsupported version: 2.3, this reader knows 1");
  check_breaks(container_bytes(manifest(""), "", {.major = 0}), FormatErrc::unsupported_version,
               "unsupported version: 0.0");
}

TEST_CASE("container rules: no flag is defined", "[serialization][container]") {
  check_breaks(container_bytes(manifest(""), "", {.flags = 4}), FormatErrc::bad_flags,
               "bad flags: 0x4");
}

TEST_CASE("container rules: the manifest fits the file and the limit",
          "[serialization][container]") {
  check_breaks(container_bytes(manifest(""), "", {.length = 993}), FormatErrc::truncated,
               "truncated: 1024 bytes, the manifest ends at 1025");
  check_breaks(container_bytes(manifest(""), "", {.length = 100'000'001}), FormatErrc::limit,
               "too long: a manifest of 100000001 bytes");
  check_breaks(container_bytes(manifest(""), "", {.length = ~std::uint64_t{0}}), FormatErrc::limit,
               "too long");
}

TEST_CASE("container rules: the checksum of header and manifest", "[serialization][container]") {
  std::string bytes = container_bytes(manifest(kFirst), kData);
  bytes[40] ^= 1;
  check_breaks(bytes, FormatErrc::bad_checksum, "bad checksum: header and manifest");
}

TEST_CASE("container rules: the manifest is JSON", "[serialization][container]") {
  check_breaks(container_bytes(R"({"format":"lamina",})", ""), FormatErrc::bad_json,
               "bad JSON: manifest, near its byte");
  check_breaks(container_bytes("{\"format\":\"lamina\",\"tensors\":[\"\xff\"]}", ""),
               FormatErrc::bad_json, "bad JSON");
  check_breaks(
      container_bytes(manifest("", ",\"x\":" + std::string(64, '[') + std::string(64, ']')), ""),
      FormatErrc::limit, "too deep: the manifest nests more than 64 levels");
  check_breaks(container_bytes(manifest("", R"(,"x":{"k":1,"k":2})"), ""),
               FormatErrc::duplicate_name, "duplicate name: key 'k' of the manifest");
}

TEST_CASE("container rules: the manifest's own fields", "[serialization][container]") {
  check_breaks(container_bytes("[]", ""), FormatErrc::bad_field, "bad field: 'format'");
  check_breaks(container_bytes(R"({"format":"other","tensors":[]})", ""), FormatErrc::bad_field,
               "'format' is not \"lamina\"");
  check_breaks(container_bytes(R"({"format":"lamina"})", ""), FormatErrc::bad_field,
               "'tensors' is missing");
  check_breaks(container_bytes(R"({"format":"lamina","tensors":{}})", ""), FormatErrc::bad_field,
               "'tensors' is missing or of the wrong type");
  check_breaks(container_bytes(manifest("", R"(,"model":3)"), ""), FormatErrc::bad_field,
               "'model'");
  check_breaks(container_bytes(manifest("", R"(,"weights":[])"), ""), FormatErrc::bad_field,
               "'weights'");
  check_breaks(container_bytes(manifest("", R"(,"metadata":{"k":1})"), ""), FormatErrc::bad_field,
               "'metadata'");
}

TEST_CASE("container rules: each field of a tensor is there and of its type",
          "[serialization][container]") {
  check_tensor_breaks("7", FormatErrc::bad_field, "tensor 0");
  check_tensor_breaks(R"({"dtype":"f32"})", FormatErrc::bad_field, "'name' is missing");
  check_tensor_breaks(tensor("a", "[16]", "1024", "64", "32"), FormatErrc::bad_field,
                      "'dtype' is missing or of the wrong type: tensor 'a'");
  check_tensor_breaks(tensor("a", "16", "1024", "64"), FormatErrc::bad_field, "'shape'");
  check_tensor_breaks(tensor("a", "[1.5]", "1024", "64"), FormatErrc::bad_field, "'shape'");
  check_tensor_breaks(tensor("a", "[16]", "\"1024\"", "64"), FormatErrc::bad_field, "'offset'");
  check_tensor_breaks(tensor("a", "[16]", "1.024e3", "64"), FormatErrc::bad_field, "'offset'");
  check_tensor_breaks(tensor("a", "[16]", "1024", "null"), FormatErrc::bad_field, "'nbytes'");
  std::string short_checksum = kFirst;
  short_checksum.erase(short_checksum.find("0123"), 1);
  check_tensor_breaks(short_checksum, FormatErrc::bad_field, "'checksum'");
}

TEST_CASE("container rules: a tensor's name", "[serialization][container]") {
  check_tensor_breaks(tensor("", "[16]", "1024", "64"), FormatErrc::bad_name, "name is empty");
  check_breaks(container_bytes(manifest(tensor(std::string(4097, 'n'), "[16]", "8192", "64")),
                               std::string(8192, '\0')),
               FormatErrc::bad_name, "longer than 4096 bytes");
  check_tensor_breaks(kFirst + "," + tensor("a", "[0]", "1088", "0"), FormatErrc::duplicate_name,
                      "duplicate name: tensor 'a'");
}

TEST_CASE("container rules: dtype and shape", "[serialization][container]") {
  check_tensor_breaks(tensor("a", "[16]", "1024", "64", "\"f128\""), FormatErrc::unknown_dtype,
                      "unknown dtype: 'f128': tensor 'a'");
  check_tensor_breaks(tensor("a", "[-1]", "1024", "64"), FormatErrc::bad_field, "size -1");
  check_tensor_breaks(tensor("a", "[1,1,1,1,1,1,1,1,16]", "1024", "64"), FormatErrc::limit,
                      "too many dimensions: 9");
  check_tensor_breaks(tensor("a", "[4294967296,4294967296]", "1024", "64"), FormatErrc::overflow,
                      "overflow: shape");
  check_tensor_breaks(tensor("a", "[4294967296,1073741824]", "1024", "64"), FormatErrc::overflow,
                      "overflow: shape");
  check_tensor_breaks(tensor("a", "[0,4294967296,4294967296]", "1024", "0"), FormatErrc::overflow,
                      "overflow: shape");
  check_tensor_breaks(tensor("a", "[16]", "1024", "60"), FormatErrc::size_mismatch,
                      "size mismatch: 60 bytes, [16] of f32 are 64: tensor 'a'");
}

TEST_CASE("container rules: the tensors' places", "[serialization][container]") {
  check_tensor_breaks(tensor("a", "[16]", "1025", "64"), FormatErrc::misaligned,
                      "misaligned: offset 1025");
  check_tensor_breaks(tensor("a", "[16384]", "1024", "65536"), FormatErrc::misaligned,
                      "a multiple of 4096 is due");
  check_tensor_breaks(tensor("a", "[16]", "960", "64"), FormatErrc::overlap,
                      "overlap: offset 960, the bytes before end at 1024");
  check_tensor_breaks(tensor("a", "[16]", "-64", "64"), FormatErrc::overlap, "overlap: offset -64");
  check_tensor_breaks(kFirst + "," + tensor("b", "[16]", "1024", "64"), FormatErrc::overlap,
                      "tensor 'b'");
  check_tensor_breaks(tensor("a", "[16]", "1088", "64"), FormatErrc::hole,
                      "hole: offset 1088, the bytes before end at 1024");
  check_tensor_breaks(tensor("a", "[32]", "1024", "128"), FormatErrc::truncated,
                      "truncated: 1088 bytes, 128 bytes at 1024 are due: tensor 'a'");
  check_breaks(container_bytes(manifest(kFirst), kData + '\0'), FormatErrc::hole,
               "hole: 1 bytes behind the last tensor");
}

TEST_CASE("container rules: a tensor whose end does not fit 64 bits is beyond the file",
          "[serialization][container]") {
  std::string text =
      manifest(tensor("a", "[9223372036854775807]", "4096", "9223372036854775807", "\"u8\""));
  text.resize(4096 - 32, ' ');
  check_breaks(container_bytes(text, kData), FormatErrc::truncated, "truncated: 4160 bytes");
}

TEST_CASE("container rules: a tie names an earlier tensor with bytes of its own",
          "[serialization][container]") {
  const auto tie = [](const std::string& name, const std::string& target) {
    return ",{\"name\":\"" + name + "\",\"alias_of\":" + target + "}";
  };
  const Container good = read(container_bytes(manifest(kFirst + tie("b", "\"a\"")), kData));
  CHECK(good.tensors.at("b").shares_storage_with(good.tensors.at("a")));
  check_tensor_breaks(kFirst + tie("b", "\"c\""), FormatErrc::bad_field, "'alias_of' names 'c'");
  check_tensor_breaks(kFirst + tie("b", "\"b\""), FormatErrc::bad_field, "'alias_of' names 'b'");
  check_tensor_breaks(kFirst + tie("b", "\"a\"") + tie("c", "\"b\""), FormatErrc::bad_field,
                      "tensor 'c'");
  check_tensor_breaks(kFirst + tie("b", "1"), FormatErrc::bad_field, "'alias_of' is missing");
}

TEST_CASE("container rules: with verify a tensor's checksum is compared, without it is not",
          "[serialization][container]") {
  const std::string bytes = container_bytes(manifest(kFirst), kData);
  CHECK_NOTHROW(read(bytes));
  CHECK_THROWS_MATCHES(read(bytes, {.verify = true, .progress = {}}), FormatError,
                       breaks(FormatErrc::bad_checksum, "bad checksum: tensor 'a': "));
}
