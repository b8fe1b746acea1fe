// safetensors files: what is written comes back; every rule of the format broken alone.
#include <lamina/serialization/safetensors.h>

#include "tests/serialization/format_matchers.h"
#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>

using namespace lamina;
using namespace lamina::serialization;
using namespace lamina::test;

namespace {

std::string file_bytes(const std::string& header, const std::string& buffer) {
  return bytes_of_integer<std::uint64_t>(header.size()) + header + buffer;
}

StateDict read(const std::string& bytes) {
  const TemporaryFolder folder;
  write_text(folder / "x.safetensors", bytes);
  return load_safetensors(folder / "x.safetensors");
}

void check_breaks(const std::string& header, const std::string& buffer, FormatErrc code,
                  const std::string& message) {
  CHECK_THROWS_MATCHES(read(file_bytes(header, buffer)), FormatError, breaks(code, message));
}

std::string tensor(const std::string& name, const std::string& dtype, const std::string& shape,
                   const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

const std::string kEight(8, '\x11');

}  // namespace

TEST_CASE("safetensors: everything comes back bit for bit, metadata too",
          "[serialization][safetensors]") {
  const TemporaryFolder folder;
  StateDict written;
  written.metadata() = {{"format", "pt"}, {"note", "caf\xc3\xa9 \"x\""}};
  for (const DType dtype : {DType::u8, DType::f32, DType::i16, DType::f64, DType::bf16, DType::i64,
                            DType::f16, DType::i32, DType::i8, DType::boolean}) {
    written.insert(std::string("of ") + to_string(dtype),
                   Tensor::from<float>({1, 0, 3}, {3, 1}).to(dtype));
  }
  written.insert("empty", Tensor::zeros({0, 2}));
  written.insert("scalar", Tensor::full({}, 2.5f));
  save_safetensors(written, folder / "a.safetensors");
  const StateDict read = load_safetensors(folder / "a.safetensors");
  CHECK(read.metadata() == written.metadata());
  REQUIRE(read.size() == written.size());
  for (const auto& [name, tensor] : written) {
    INFO(name);
    CHECK(equal_bits(read.at(name), tensor));
    CHECK(reinterpret_cast<std::uintptr_t>(read.at(name).raw_data()) %
              static_cast<std::uintptr_t>(size_of(tensor.dtype())) ==
          0);
  }
}

TEST_CASE("safetensors: tensors of one width keep their order", "[serialization][safetensors]") {
  const TemporaryFolder folder;
  StateDict written;
  for (const char* name : {"z", "a", "m"}) written.insert(name, Tensor::full({2}, 1.0f));
  save_safetensors(written, folder / "a.safetensors");
  std::string order;
  for (const auto& [name, tensor] : load_safetensors(folder / "a.safetensors")) order += name;
  CHECK(order == "zam");
}

TEST_CASE("safetensors: a tensor at an odd place is copied, an aligned one is a view",
          "[serialization][safetensors]") {
  const std::string header =
      "{" + tensor("a", "U8", "[4]", "[0,4]") + "," + tensor("b", "F32", "[1]", "[4,8]") + "}";
  const StateDict padded =
      read(file_bytes(header + std::string(8 - header.size() % 8, ' '), kEight));
  CHECK(padded.at("b").is_read_only());
  const StateDict odd = read(file_bytes(header + std::string(9 - header.size() % 8, ' '), kEight));
  CHECK_FALSE(odd.at("b").is_read_only());
  CHECK(equal_bits(odd.at("b"), padded.at("b")));
}

TEST_CASE("safetensors rules: the header's length", "[serialization][safetensors]") {
  CHECK_THROWS_MATCHES(read("\x02"), FormatError,
                       breaks(FormatErrc::truncated, "truncated: 1 bytes"));
  CHECK_THROWS_MATCHES(read(bytes_of_integer<std::uint64_t>(3) + "{}"), FormatError,
                       breaks(FormatErrc::truncated, "the header ends at 11"));
  CHECK_THROWS_MATCHES(read(bytes_of_integer<std::uint64_t>(100'000'001) + "{}"), FormatError,
                       breaks(FormatErrc::limit, "a header of 100000001 bytes"));
}

TEST_CASE("safetensors rules: the header is a JSON object", "[serialization][safetensors]") {
  check_breaks("[]", "", FormatErrc::bad_magic, "not a safetensors file");
  check_breaks("{\"a\":}", "", FormatErrc::bad_json, "bad JSON: header");
  check_breaks("{" + std::string(70, ' ') + "\"a\":" + std::string(70, '['), "", FormatErrc::limit,
               "too deep");
  check_breaks(
      "{" + tensor("a", "U8", "[8]", "[0,8]") + "," + tensor("a", "U8", "[0]", "[8,8]") + "}",
      kEight, FormatErrc::duplicate_name, "duplicate name: key 'a'");
}

TEST_CASE("safetensors rules: fields", "[serialization][safetensors]") {
  check_breaks(R"({"a":1})", "", FormatErrc::bad_field, "'a' is missing or of the wrong type");
  check_breaks(R"({"a":{"shape":[0],"data_offsets":[0,0]}})", "", FormatErrc::bad_field, "'dtype'");
  check_breaks(R"({"a":{"dtype":"F32","data_offsets":[0,0]}})", "", FormatErrc::bad_field,
               "'shape'");
  check_breaks(R"({"a":{"dtype":"F32","shape":[0]}})", "", FormatErrc::bad_field, "'data_offsets'");
  check_breaks("{" + tensor("a", "U8", "[8]", "[0,8,8]") + "}", kEight, FormatErrc::bad_field,
               "'data_offsets'");
  check_breaks("{" + tensor("a", "U8", "[8]", "[8,0]") + "}", kEight, FormatErrc::bad_field,
               "data_offsets [8, 0)");
  check_breaks("{" + tensor("a", "U8", "[8]", "[-8,0]") + "}", kEight, FormatErrc::bad_field,
               "data_offsets [-8, 0)");
  check_breaks(R"({"__metadata__":[]})", "", FormatErrc::bad_field, "'__metadata__'");
  check_breaks(R"({"__metadata__":{"k":1}})", "", FormatErrc::bad_field, "'k'");
  check_breaks("{" + tensor("", "U8", "[8]", "[0,8]") + "}", kEight, FormatErrc::bad_name, "empty");
}

TEST_CASE("safetensors rules: dtype, shape and size", "[serialization][safetensors]") {
  check_breaks("{" + tensor("a", "F8_E4M3", "[8]", "[0,8]") + "}", kEight,
               FormatErrc::unknown_dtype, "unknown dtype: 'F8_E4M3': tensor 'a'");
  check_breaks("{" + tensor("a", "U8", "[-8]", "[0,8]") + "}", kEight, FormatErrc::bad_field,
               "size -8");
  check_breaks("{" + tensor("a", "U8", "[1,1,1,1,1,1,1,1,8]", "[0,8]") + "}", kEight,
               FormatErrc::limit, "too many dimensions: 9");
  check_breaks("{" + tensor("a", "F64", "[2305843009213693952]", "[0,8]") + "}", kEight,
               FormatErrc::overflow, "overflow");
  check_breaks("{" + tensor("a", "F32", "[3]", "[0,8]") + "}", kEight, FormatErrc::size_mismatch,
               "size mismatch: 8 bytes, [3] of F32 are 12");
}

TEST_CASE("safetensors rules: the ranges cover the buffer, once", "[serialization][safetensors]") {
  check_breaks("{" + tensor("a", "U8", "[9]", "[0,9]") + "}", kEight, FormatErrc::out_of_bounds,
               "out of bounds: data_offsets [0, 9) of 8 bytes: tensor 'a'");
  check_breaks(
      "{" + tensor("a", "U8", "[6]", "[0,6]") + "," + tensor("b", "U8", "[4]", "[4,8]") + "}",
      kEight, FormatErrc::overlap, "tensor 'b'");
  check_breaks(
      "{" + tensor("a", "U8", "[2]", "[0,2]") + "," + tensor("b", "U8", "[4]", "[4,8]") + "}",
      kEight, FormatErrc::hole, "tensor 'b'");
  check_breaks("{" + tensor("a", "U8", "[4]", "[4,8]") + "}", kEight, FormatErrc::hole,
               "tensor 'a'");
  check_breaks("{" + tensor("a", "U8", "[4]", "[0,4]") + "}", kEight, FormatErrc::hole,
               "hole: 4 bytes behind the last tensor");
  check_breaks("{}", kEight, FormatErrc::hole, "hole: 8 bytes");
}

TEST_CASE("safetensors: a file cut at any byte is noticed", "[serialization][safetensors]") {
  const std::string bytes = file_bytes(
      "{" + tensor("a", "U8", "[4]", "[0,4]") + "," + tensor("b", "U8", "[4]", "[4,8]") + "}",
      kEight);
  REQUIRE(read(bytes).size() == 2);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    INFO("length " << length);
    CHECK_THROWS_AS(read(bytes.substr(0, length)), FormatError);
  }
}

TEST_CASE("safetensors: the name of the metadata is no tensor's", "[serialization][safetensors]") {
  const TemporaryFolder folder;
  StateDict tensors;
  tensors.insert("__metadata__", Tensor::full({1}, 1.0f));
  CHECK_THROWS_AS(save_safetensors(tensors, folder / "a.safetensors"), InvalidArgument);
}
