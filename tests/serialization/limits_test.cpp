// The worst files that a few MB can hold: a reader refuses each, or reads it, within two seconds of
// processor time and with no more memory than the file's size and 64 MiB.
#include <lamina/core/error.h>
#include <lamina/serialization/load.h>

#include "serialization/checksum.h"
#include "serialization/tensor_record.h"
#include "tests/support/temporary_folder.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <array>
#include <cstring>
#include <fstream>
#include <new>
#include <string>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

using namespace lamina;
using namespace lamina::test;

namespace {

namespace fs = std::filesystem;

constexpr double kMaxSeconds = 2;

// What a reading came to: "read", the text of its Error, or how the process died.
struct Outcome {
  std::string text;
  double seconds = 0;
};

std::int64_t data_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::array<std::int64_t, 6> pages{};
  for (std::int64_t& count : pages) statm >> count;
  return pages[5] * sysconf(_SC_PAGESIZE);
}

// Loads the file in this process, which is a child that may die of it, and says how it went.
std::string load_within(const fs::path& path, std::int64_t room_bytes) {
  const auto limit = static_cast<rlim_t>(data_bytes() + room_bytes);
  const rlimit data{limit, limit};
  setrlimit(RLIMIT_DATA, &data);  // the heap and private mappings; the mapped file is not counted
  try {
    load(path);
    return "read";
  } catch (const Error& error) {
    return error.what();
  } catch (const std::bad_alloc&) {
    return "out of memory";
  }
}

Outcome load_bounded(const fs::path& path) {
  const auto room = static_cast<std::int64_t>(fs::file_size(path)) + serialization::kRoomBytes;
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const std::string text = load_within(path, room);
    const auto written = write(ends[1], text.data(), text.size());
    _exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(ends[1]);
  Outcome outcome;
  std::array<char, 8192> buffer{};
  while (const auto count = read(ends[0], buffer.data(), buffer.size())) {
    if (count < 0) break;
    outcome.text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  close(ends[0]);
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  if (status != 0) outcome.text = fmt::format("the process died, status {:#x}", status);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  outcome.seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  return outcome;
}

void check(const std::string& file_bytes, const std::string& expected) {
  const TemporaryFolder folder;
  const fs::path path = folder / "file";
  write_text(path, file_bytes);
  const Outcome outcome = load_bounded(path);
  CHECK_THAT(outcome.text, Catch::Contains(expected));
  CHECK(outcome.text.size() <= 4200);
  CHECK(outcome.seconds < kMaxSeconds);
}

template <typename Part>
std::string repeated(int count, const Part& part) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    if (i > 0) text += ',';
    text += part(i);
  }
  return text;
}

template <typename T>
std::string little(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string safetensors(const std::string& header, const std::string& data = "") {
  return little(std::uint64_t{header.size()}) + header + data;
}

std::string container(const std::string& manifest) {
  const std::string head = "\x89LAMINA\n" + little(std::uint16_t{1}) + little(std::uint16_t{0}) +
                           little(std::uint32_t{0}) + little(std::uint64_t{manifest.size()});
  serialization::Checksum checksum;
  checksum.update(serialization::as_bytes(head));
  checksum.update(serialization::as_bytes(manifest));
  return head + little(checksum.value()) + manifest;
}

std::string empty_tensor(int i) {
  return fmt::format(R"("{}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", i);
}

std::string empty_entry(int i) {
  return fmt::format(
      R"({{"name":"{}","dtype":"u8","shape":[0],"offset":0,"nbytes":0,"checksum":"0"}})", i);
}

std::string deflated(const std::string& content) {
  std::string target(compressBound(content.size()), '\0');
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(target.data());
  stream.avail_out = static_cast<uInt>(target.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  target.resize(stream.total_out);
  deflateEnd(&stream);
  return target;
}

// A zip of `count` entries with the same content, named by number.
std::string zip(int count, const std::string& content, bool deflate) {
  const std::string stored = deflate ? deflated(content) : content;
  const auto crc = static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size()));
  std::string file, directory;
  for (int i = 0; i < count; ++i) {
    const std::string name = fmt::format("{}.npy", i);
    const std::string common =
        little(std::uint16_t{20}) + little(std::uint16_t{0}) +
        little(static_cast<std::uint16_t>(deflate ? 8 : 0)) + little(std::uint32_t{0}) +
        little(crc) + little(static_cast<std::uint32_t>(stored.size())) +
        little(static_cast<std::uint32_t>(content.size())) +
        little(static_cast<std::uint16_t>(name.size())) + little(std::uint16_t{0});
    directory += little(std::uint32_t{0x02014b50}) + little(std::uint16_t{20}) + common +
                 std::string(10, '\0') + little(static_cast<std::uint32_t>(file.size())) + name;
    file += little(std::uint32_t{0x04034b50}) + common + name + stored;
  }
  const auto offset = static_cast<std::int64_t>(file.size());
  const auto size = static_cast<std::int64_t>(directory.size());
  file += directory;
  const auto end64 = static_cast<std::int64_t>(file.size());
  file += little(std::uint32_t{0x06064b50}) + little(std::int64_t{44}) + little(std::uint32_t{0}) +
          little(std::int64_t{0}) + little(std::int64_t{count}) + little(std::int64_t{count}) +
          little(size) + little(offset);
  file += little(std::uint32_t{0x07064b50}) + little(std::uint32_t{0}) + little(end64) +
          little(std::uint32_t{1});
  file += little(std::uint32_t{0x06054b50}) + little(std::uint32_t{0}) +
          little(std::uint32_t{0xffffffff}) + little(std::int64_t{-1}) + little(std::uint16_t{0});
  return file;
}

std::string npy(const std::string& descr, const std::string& shape, const std::string& data) {
  const std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", descr, shape);
  return "\x93NUMPY\x02" + std::string(1, '\0') +
         little(static_cast<std::uint32_t>(header.size())) + header + data;
}

constexpr int kMostTensors = static_cast<int>(serialization::kMaxTensors);
const std::string kLong(15 << 20, '7');

}  // namespace

TEST_CASE("limits: a zip of very many entries", "[serialization][limits]") {
  check(zip(200'000, "", false), "too many entries");
  check(zip(kMostTensors + 1, npy("|u1", "(0,)", ""), false), "too many tensors");
  check(zip(kMostTensors, npy("|u1", "(0,)", ""), false), "read");
}

TEST_CASE("limits: a zip whose entries grow", "[serialization][limits]") {
  const std::string zeros(10 << 20, '\0');
  check(zip(1000, npy("|u1", "(10485760,)", zeros), true), "too large");
  check(zip(2, npy("|u1", "(10485760,)", zeros), true), "read");
  check(zip(5, npy(">f8", "(1310720,)", zeros), true), "read");
}

TEST_CASE("limits: safetensors of very many tensors", "[serialization][limits]") {
  check(safetensors("{" + repeated(300'000, empty_tensor) + "}"), "too many keys");
  check(safetensors("{" + repeated(kMostTensors + 1, empty_tensor) + "}"), "too many tensors");
  check(safetensors("{" + repeated(kMostTensors, empty_tensor) + "}"), "read");
  const auto pair = [](int i) { return fmt::format(R"("{}":"")", i); };
  check(safetensors(R"({"__metadata__":{)" + repeated(200'000, pair) + "}}"), "read");
  check(safetensors(R"({"__metadata__":{)" + repeated(2'000'000, pair) + "}}"), "too many keys");
}

TEST_CASE("limits: JSON of very many values", "[serialization][limits]") {
  const auto one = [](int) { return "1"; };
  const auto member = [](int i) { return fmt::format(R"("{}":1)", i); };
  const std::string start = R"({"format":"lamina",)";
  check(container(start + R"("tensors":[)" + repeated(2'500'000, one) + "]}"), "too many tensors");
  check(container(start + R"("checkpoint":[)" + repeated(2'500'000, one) + R"(],"tensors":[]})"),
        "read");
  check(container(start + R"("checkpoint":{)" + repeated(1'500'000, member) + R"(},"tensors":[]})"),
        "too many keys");
  check(container(start + R"("model":{"a":[)" + repeated(2'500'000, one) + R"(]},"tensors":[]})"),
        "too long: 'model'");
  check(container(start + R"("tensors":[{"name":"a","dtype":"f32","shape":[)" +
                  repeated(2'500'000, one) + "]}]}"),
        "'shape'");
  check(safetensors(R"({"a":{"dtype":"F32","shape":[)" + repeated(2'500'000, one) +
                    R"(],"data_offsets":[0,4]}})"),
        "'shape'");
  check(container(start + R"("tensors":[)" + repeated(kMostTensors, empty_entry) + "]}"),
        "bad field");
}

TEST_CASE("limits: JSON of very long values", "[serialization][limits]") {
  const std::string rest = R"(,"shape":[],"data_offsets":[0,0]}})";
  check(safetensors(R"({"a":{"dtype":")" + kLong + "\"" + rest), "unknown dtype");
  check(safetensors("{\"" + kLong + R"(":{"dtype":"F32")" + rest), "name");
  check(safetensors("{\"" + kLong + kLong + R"(":{"dtype":"F32")" + rest), "too long: a string");
  check(safetensors("{\"a\":" + kLong + "}"), "out of range");
  check(safetensors("{\"a\":0." + kLong + "}"), "out of range");
  check(safetensors("{\"a\":[" + std::string(15 << 20, ' ') + "]}"), "bad field");
}

TEST_CASE("limits: an array that says it is larger than it is", "[serialization][limits]") {
  check(npy("<f8", "(9000000000, 9000000000)", ""), "overflow");
  check(npy("<f8", "(1000000000000,)", "12345678"), "truncated");
  check(npy(std::string(1 << 20, 'x'), "(1,)", ""), "too long");
  check(npy(">f8", "(2621440,)", std::string(20 << 20, 'x')), "read");
}

namespace {

using namespace std::string_literals;

// A pickle by itself, and one in a legacy file beside a storage "0" of four floats.
std::string pickle(const std::string& opcodes) { return "\x80\x02"s + opcodes + "."; }

std::string legacy(const std::string& opcodes) {
  return "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
         "\x80\x02M\xe9\x03."
         "\x80\x02}X\x0d\0\0\0little_endian\x88s."s +
         pickle(opcodes) +
         "\x80\x02]X\x01\0\0\0"
         "0a."s +
         little(std::int64_t{4}) + std::string(16, '\0');
}

std::string times(int count, const std::string& text) {
  std::string all;
  all.reserve(text.size() * static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

std::string integer(std::int32_t value) { return "J" + little(value); }

std::string key(int i) {
  const std::string name = fmt::format("{}", i);
  return "X" + little(static_cast<std::uint32_t>(name.size())) + name;
}

// One element of the storage, seen `size` times.
std::string expanded(std::int32_t size) {
  return "ctorch._utils\n_rebuild_tensor\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"
         "0X\x03\0\0\0cpuK\x04NtQK\0("s +
         integer(size) + "t(K\0ttR"s;
}

}  // namespace

TEST_CASE("limits: a pickle of very many objects", "[serialization][limits]") {
  const auto refused = [](const std::string& bytes) { check(bytes, ": /"); };  // whatever the rule
  refused(pickle(times(5'000'000, "]0")));
  refused(pickle("]" + times(5'000'000, "]a")));
  refused(pickle("](" + times(10'000'000, "]") + "e"));
  refused(pickle("](" + times(10'000'000, "N") + "e"));
  refused(pickle(times(10'000'000, "]") + times(9'999'999, "a")));
  refused(pickle(times(10'000'000, "(") + times(9'999'999, "t")));
  refused(pickle("]" + times(2'000'000, "}r\xff\xff\xff\x00"s + "0")));
  std::string memo = "]";
  for (int i = 0; i < 1'500'000; ++i) memo += "r" + little(i);
  refused(pickle(memo));
  std::string dict = "}(";
  for (int i = 0; i < 1'000'000; ++i) dict += key(i) + "]";
  refused(pickle(dict + "u"));
  refused(pickle("ccollections\nOrderedDict\n" + times(3'000'000, ")\x81")));
  refused(pickle("]" + times(1'000'000,
                             "ca\nb\n)\x81"
                             "a")));
}

TEST_CASE("limits: a pickle of very long values", "[serialization][limits]") {
  const auto length = little(static_cast<std::uint32_t>(kLong.size()));
  const auto refused = [](const std::string& bytes) { check(bytes, ": /"); };
  refused(pickle("X" + length + kLong));
  refused(pickle("\x8b" + length + kLong));
  refused(pickle("I" + kLong + "\n"));
  refused(pickle("L" + kLong + "L\n"));
  refused(pickle("F" + kLong + "\n"));
  refused(pickle("S'" + kLong + "'\n"));
  refused(pickle("V" + kLong + "\n"));
  refused(pickle("c" + kLong + "\nx\n)R"));
  refused(pickle("P" + kLong + "\n"));
  refused(
      pickle("X\xff\xff\xff\x7f"
             "abc"));
}

TEST_CASE("limits: views that see a storage very often", "[serialization][limits]") {
  check(legacy("}" + key(0) + expanded(4) + "s"), "read");
  check(legacy("}" + key(0) + expanded(2'000'000'000) + "s"), ": /");
  std::string many = "}(";
  for (int i = 0; i < 1000; ++i) many += key(i) + expanded(10'000'000);
  check(legacy(many + "u"), ": /");
  many = "}(";
  for (int i = 0; i < 65'000; ++i) many += key(i) + expanded(4);
  check(legacy(many + "u"), "read");
}
