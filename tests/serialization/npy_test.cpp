// .npy files: what is written comes back; orders and byte orders; every rule broken alone.
#include <lamina/serialization/npy.h>

#include "tests/serialization/format_matchers.h"
#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <array>
#include <cstdint>
#include <string>

using namespace lamina;
using namespace lamina::serialization;
using namespace lamina::test;
namespace fs = std::filesystem;

namespace {

std::string npy_bytes(const std::string& header, const std::string& data, int version = 1) {
  const auto length = static_cast<std::uint32_t>(header.size());
  return std::string("\x93NUMPY") + static_cast<char>(version) + '\0' +
         (version == 1 ? bytes_of_integer(static_cast<std::uint16_t>(length))
                       : bytes_of_integer(length)) +
         header + data;
}

std::string description(const std::string& descr, const std::string& shape,
                        const std::string& fortran = "False") {
  return "{'descr': " + descr + ", 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

Tensor read(const std::string& bytes) {
  const TemporaryFolder folder;
  write_text(folder / "x.npy", bytes);
  return load_npy(folder / "x.npy");
}

void check_breaks(const std::string& bytes, FormatErrc code, const std::string& message) {
  CHECK_THROWS_MATCHES(read(bytes), FormatError, breaks(code, message));
}

}  // namespace

TEST_CASE("npy: every dtype and rank comes back bit for bit", "[serialization][npy]") {
  const TemporaryFolder folder;
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::i8, DType::u8, DType::i16,
                            DType::i32, DType::i64, DType::boolean}) {
    for (const Shape& shape : {Shape{6}, Shape{2, 3}, Shape{1, 2, 1, 3, 1, 1, 1, 1}}) {
      const Tensor tensor = Tensor::from<float>({0, 1, 2, 3, 4, 5}, shape).to(dtype);
      save_npy(tensor, folder / "a.npy");
      const Tensor read = load_npy(folder / "a.npy");
      CHECK(equal_bits(read, tensor));
      CHECK(read.is_read_only());
    }
  }
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{3, 0, 2}}) {
    save_npy(Tensor::zeros(shape), folder / "a.npy");
    CHECK(equal_bits(load_npy(folder / "a.npy"), Tensor::zeros(shape)));
  }
}

TEST_CASE("npy: views are written as what they show", "[serialization][npy]") {
  const TemporaryFolder folder;
  const Tensor base = Tensor::from<float>({0, 1, 2, 3, 4, 5}, {2, 3});
  save_npy(base.transpose(0, 1), folder / "a.npy");
  CHECK(equal_bits(load_npy(folder / "a.npy"), base.transpose(0, 1).contiguous()));
}

TEST_CASE("npy: versions 1, 2 and 3 read alike", "[serialization][npy]") {
  const std::string data(8, '\x01');
  for (const int version : {1, 2, 3}) {
    CHECK(read(npy_bytes(description("'<i4'", "(2,)"), data, version)).shape() == Shape{2});
  }
}

TEST_CASE("npy: the header's keys may come in any order, with any spaces", "[serialization][npy]") {
  const std::string header = "{\"shape\":( 2L ,1),'fortran_order' :False,\n'descr':\"<i2\"}   \n";
  CHECK(read(npy_bytes(header, "\x01\x02\x03\x04")).shape() == Shape{2, 1});
}

TEST_CASE("npy: Fortran order becomes ours", "[serialization][npy]") {
  const std::string data("\x00\x03\x01\x04\x02\x05", 6);
  const Tensor tensor = read(npy_bytes(description("'|u1'", "(2, 3)", "True"), data));
  CHECK(equal_bits(tensor, Tensor::from<std::uint8_t>({0, 1, 2, 3, 4, 5}, {2, 3})));
}

TEST_CASE("npy: big-endian elements become ours", "[serialization][npy]") {
  const std::string data("\x01\x02\x03\x04", 4);
  CHECK(equal_bits(read(npy_bytes(description("'>i2'", "(2,)"), data)),
                   Tensor::from<std::int16_t>({0x0102, 0x0304}, {2})));
  CHECK(equal_bits(read(npy_bytes(description("'>i4'", "()"), data)),
                   Tensor::from<std::int32_t>({0x01020304}, {})));
}

TEST_CASE("npy rules: magic, version, length", "[serialization][npy]") {
  check_breaks("\x93NUMPX\x01", FormatErrc::bad_magic, "not a .npy array");
  check_breaks("\x93NUMPY\x01", FormatErrc::truncated, "inside its header");
  check_breaks(npy_bytes(description("'<i4'", "(0,)"), "", 4), FormatErrc::unsupported_version,
               "unsupported version: 4");
  check_breaks(npy_bytes("{", "").substr(0, 11) + '\0', FormatErrc::bad_field, "bad header");
  check_breaks(std::string("\x93NUMPY\x02\0\x01\0\x10\0", 12), FormatErrc::limit,
               "a header of 1048577 bytes");
}

TEST_CASE("npy rules: the description", "[serialization][npy]") {
  for (const char* bad : {"", "{}", "[]", "{'descr': '<f4'}", "{'descr': '<f4', 'shape': (1,)}",
                          "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
                          "{'descr': '<f4', 'fortran_order': False, 'shape': (x,)}",
                          "{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}",
                          "{'descr': '<f4', 'fortran_order': False, 'shape': 1}",
                          "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
                          "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
                          "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}"}) {
    INFO(bad);
    check_breaks(npy_bytes(bad, ""), FormatErrc::bad_field, "bad header");
  }
}

TEST_CASE("npy rules: dtypes that tensors lack are named", "[serialization][npy]") {
  for (const char* descr : {"'<u4'", "'<c8'", "'|V2'", "'<M8[ns]'", "'f4'", "''"}) {
    check_breaks(npy_bytes(description(descr, "(0,)"), ""), FormatErrc::unknown_dtype,
                 "unknown dtype: " + std::string(descr));
  }
  check_breaks(npy_bytes(description("[('x', '<f4')]", "(0,)"), ""), FormatErrc::unknown_dtype,
               "unknown dtype: '[('x', '<f4')]'");
  try {
    read(npy_bytes(description("'|O'", "(1,)"), "pickle"));
    FAIL("an object array was read");
  } catch (const FormatError& error) {
    CHECK(error.hint().find("pickled") != std::string::npos);
  }
}

TEST_CASE("npy rules: shape and size", "[serialization][npy]") {
  check_breaks(npy_bytes(description("'<i4'", "(-1,)"), ""), FormatErrc::bad_field, "size -1");
  check_breaks(npy_bytes(description("'<i4'", "(1,1,1,1,1,1,1,1,1)"), "abcd"), FormatErrc::limit,
               "too many dimensions");
  check_breaks(npy_bytes(description("'<i4'", "(4611686018427387904,)"), ""), FormatErrc::overflow,
               "overflow");
  check_breaks(npy_bytes(description("'<i4'", "(2,)"), "1234567"), FormatErrc::truncated,
               "truncated: the array ends inside 8 bytes of elements");
  check_breaks(npy_bytes(description("'<i4'", "(2,)"), "123456789"), FormatErrc::hole,
               "hole: 1 bytes behind the elements");
}

TEST_CASE("npy: bf16 is refused with what to do instead", "[serialization][npy]") {
  const TemporaryFolder folder;
  try {
    save_npy(Tensor::zeros({2}, DType::bf16), folder / "a.npy");
    FAIL("bf16 was written");
  } catch (const Unsupported& error) {
    CHECK(error.hint().find("convert to f32") != std::string::npos);
  }
  CHECK_THROWS_AS(save_npy(Tensor(), folder / "a.npy"), InvalidArgument);
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("npy_writer: batches of any size become the file of the whole", "[serialization][npy]") {
  const TemporaryFolder folder;
  const Tensor whole = Tensor::from<float>({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {6, 2});
  NpyWriter writer(folder / "a.npy", DType::f32, {2});
  writer.append(whole.slice(0, 0, 3));
  writer.append(whole.slice(0, 3, 3));
  writer.append(whole.select(0, 3));
  writer.append(std::as_bytes(whole.values<float>().subspan(8)));
  CHECK(writer.rows() == 6);
  CHECK_FALSE(fs::exists(folder / "a.npy"));
  writer.commit();
  save_npy(whole, folder / "b.npy");
  CHECK(read_text(folder / "a.npy") == read_text(folder / "b.npy"));
}

TEST_CASE("npy_writer: no rows at all, and rows that are scalars", "[serialization][npy]") {
  const TemporaryFolder folder;
  NpyWriter(folder / "a.npy", DType::i64, {3, 4}).commit();
  CHECK(load_npy(folder / "a.npy").shape() == Shape{0, 3, 4});
  NpyWriter scalars(folder / "b.npy", DType::f32, {});
  scalars.append(Tensor::full({2}, 1.0f));
  scalars.append(Tensor::full({}, 1.0f));
  scalars.commit();
  CHECK(equal_bits(load_npy(folder / "b.npy"), Tensor::full({3}, 1.0f)));
}

TEST_CASE("npy_writer: wrong rows are refused; without commit nothing is left",
          "[serialization][npy]") {
  const TemporaryFolder folder;
  {
    NpyWriter writer(folder / "a.npy", DType::f32, {2});
    CHECK_THROWS_AS(writer.append(Tensor::zeros({1, 3})), InvalidArgument);
    CHECK_THROWS_AS(writer.append(Tensor::zeros({2}, DType::f64)), InvalidArgument);
    CHECK_THROWS_AS(writer.append(std::span<const std::byte>(std::array<std::byte, 7>{})),
                    InvalidArgument);
    writer.append(Tensor::zeros({1, 2}));
  }
  CHECK(fs::is_empty(folder.path()));
  CHECK_THROWS_AS(NpyWriter(folder / "a.npy", DType::bf16, {2}), Unsupported);
}
