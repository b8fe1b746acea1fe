// Files for PyTorch, byte by byte; peers_test.cpp asks PyTorch itself.
#include <lamina/serialization/load.h>
#include <lamina/serialization/pth.h>

#include "serialization/pth/pickle_writer.h"
#include "serialization/zip_reader.h"
#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <string>

using namespace lamina;
using namespace lamina::serialization;
using namespace lamina::test;
using namespace std::string_literals;

namespace {

std::vector<std::string> names_in(const ZipReader& zip) {
  std::vector<std::string> names;
  for (const ZipEntry& entry : zip.entries()) names.push_back(entry.name);
  return names;
}

std::string content(const ZipReader& zip, std::string_view name) {
  const ZipEntry* entry = zip.find(name);
  REQUIRE(entry != nullptr);
  const ZipContent content = zip.read(*entry);
  return {reinterpret_cast<const char*>(content.bytes.data()), content.bytes.size()};
}

Tensor counting(const Shape& shape) {
  Tensor tensor = Tensor::empty(shape);
  for (std::int64_t i = 0; i < tensor.numel(); ++i)
    tensor.mutable_data<float>()[i] = static_cast<float>(i);
  return tensor;
}

}  // namespace

TEST_CASE("pth: the pickle of two tensors, byte by byte", "[serialization][pth]") {
  const TemporaryFolder folder;
  StateDict tensors;
  tensors.insert("a.weight", counting({2, 300}));
  tensors.insert("b", Tensor::zeros({}, DType::i64));
  save_pth(tensors, folder / "net.pth");
  const ZipReader zip(MappedFile::open(folder / "net.pth"));
  CHECK(content(zip, "net/data.pkl") ==
        "\x80\x02"
        "ccollections\nOrderedDict\nq\0)R("
        "X\x08\0\0\0a.weightq\x01"
        "ctorch._utils\n_rebuild_tensor_v2\nq\x02"
        "((X\x07\0\0\0storageq\x03"
        "ctorch\nFloatStorage\nq\x04"
        "X\x01\0\0\0"
        "0q\x05"
        "X\x03\0\0\0cpuq\x06M\x58\x02tQ"
        "K\0K\x02M\x2c\x01\x86M\x2c\x01K\x01\x86\x89h\0)RtR"
        "X\x01\0\0\0bq\x07"
        "h\x02((h\x03"
        "ctorch\nLongStorage\nq\x08"
        "X\x01\0\0\0"
        "1q\x09h\x06K\x01tQ"
        "K\0))\x89h\0)RtR"
        "u."s);
}

TEST_CASE("pth: members as PyTorch has them, storages aligned to 64 bytes",
          "[serialization][pth]") {
  const TemporaryFolder folder;
  StateDict tensors;
  tensors.insert("a", counting({3}));
  tensors.insert("empty", Tensor::zeros({0, 4}));
  tensors.insert("b", counting({2, 5}));
  save_pth(tensors, folder / "net.v1.pt");
  const ZipReader zip(MappedFile::open(folder / "net.v1.pt"));
  CHECK(names_in(zip) == std::vector<std::string>{"net.v1/data.pkl", "net.v1/.format_version",
                                                  "net.v1/.storage_alignment", "net.v1/byteorder",
                                                  "net.v1/data/0", "net.v1/data/1", "net.v1/data/2",
                                                  "net.v1/version",
                                                  "net.v1/.data/serialization_id"});
  for (const ZipEntry& entry : zip.entries()) {
    CHECK(entry.data_offset % 64 == 0);
    CHECK_FALSE(entry.deflated);
  }
  CHECK(content(zip, "net.v1/.format_version") == "1");
  CHECK(content(zip, "net.v1/.storage_alignment") == "64");
  CHECK(content(zip, "net.v1/byteorder") == "little");
  CHECK(content(zip, "net.v1/version") == "3\n");
  CHECK(content(zip, "net.v1/.data/serialization_id").size() == 40);
  CHECK(content(zip, "net.v1/data/1").empty());
  const std::string b = content(zip, "net.v1/data/2");
  REQUIRE(b.size() == 40);
  CHECK(std::memcmp(b.data(), tensors.at("b").raw_data(), b.size()) == 0);
  CHECK(detect_kind(folder / "net.v1.pt") == FileKind::pth_zip);
}

TEST_CASE("pth: tensors on the same bytes are stored once, a strided view as its elements",
          "[serialization][pth]") {
  const TemporaryFolder folder;
  const Tensor weight = counting({2, 3});
  StateDict tensors;
  tensors.insert("embed", weight);
  tensors.insert("head", weight.reshape({3, 2}));
  tensors.insert("transposed", weight.transpose(0, 1));
  tensors.insert("bits", Tensor::wrap(weight.raw_data(), {6}, DType::i32, weight.storage()));
  std::int64_t total = 0;
  save_pth(tensors, folder / "tied.pth", {.progress = [&](std::int64_t done, std::int64_t all) {
             CHECK(done <= all);
             total = all;
           }});
  CHECK(total == 3 * 24);
  const ZipReader zip(MappedFile::open(folder / "tied.pth"));
  CHECK(zip.find("tied/data/2") != nullptr);
  CHECK(zip.find("tied/data/3") == nullptr);
  const std::string transposed = content(zip, "tied/data/1");
  CHECK(std::memcmp(transposed.data(), weight.transpose(0, 1).contiguous().raw_data(), 24) == 0);
}

TEST_CASE("pth: the same tensors give the same bytes; the folder is named as the file",
          "[serialization][pth]") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "again");
  StateDict tensors;
  tensors.insert("a", counting({4}));
  save_any(tensors, folder / "net.PTH");
  save_pth(tensors, folder / "again/net.pth");
  CHECK(read_text(folder / "net.PTH") == read_text(folder / "again/net.pth"));
  save_pth(tensors, folder / "n\xc3\xa9t.pth");
  const ZipReader zip(MappedFile::open(folder / "n\xc3\xa9t.pth"));
  CHECK(zip.find("archive/data.pkl") != nullptr);
  tensors.set("a", counting({5}));
  save_pth(tensors, folder / "again/net.pth");
  const ZipReader first(MappedFile::open(folder / "net.PTH"));
  const ZipReader second(MappedFile::open(folder / "again/net.pth"));
  CHECK(content(first, "net/.data/serialization_id") !=
        content(second, "net/.data/serialization_id"));
}

TEST_CASE("pth: what is written is read again, ties and all", "[serialization][pth]") {
  const TemporaryFolder folder;
  StateDict tensors;
  tensors.insert("a", counting({2, 3}));
  tensors.insert("tied", tensors.at("a").reshape({6}));
  tensors.insert("strided", tensors.at("a").transpose(0, 1));
  for (const DType dtype : {DType::f64, DType::f16, DType::bf16, DType::i8, DType::u8, DType::i16,
                            DType::i32, DType::i64, DType::boolean}) {
    tensors.insert(to_string(dtype), counting({5}).to(dtype));
  }
  tensors.insert("scalar", Tensor::full({}, 3.5F));
  tensors.insert("empty", Tensor::zeros({3, 0}));
  save_pth(tensors, folder / "net.pth");
  LoadOptions verifying;
  verifying.verify = true;
  const StateDict read = load(folder / "net.pth", verifying);
  REQUIRE(read.size() == tensors.size());
  auto expected = tensors.begin();
  for (const auto& [name, tensor] : read) {
    CHECK(name == expected->first);
    CHECK(equal_bits(tensor, expected++->second));
  }
  CHECK(read.at("a").raw_data() == read.at("tied").raw_data());
}

TEST_CASE("pth: what cannot be written leaves the old file", "[serialization][pth]") {
  const TemporaryFolder folder;
  write_text(folder / "net.pth", "old");
  StateDict tensors;
  tensors.insert("undefined", Tensor());
  CHECK_THROWS_AS(save_pth(tensors, folder / "net.pth"), InvalidArgument);
  CHECK_THROWS_AS(save_pth(StateDict(), folder / "net.pth", {.progress = {}, .overwrite = false}),
                  IoError);
  CHECK(read_text(folder / "net.pth") == "old");
}

TEST_CASE("pickle: integers take the shortest opcode, signed where they must",
          "[serialization][pth]") {
  PickleWriter pickle;
  for (const std::int64_t value :
       {std::int64_t{255}, std::int64_t{256}, std::int64_t{65536}, std::int64_t{-1},
        std::int64_t{1} << 31, -(std::int64_t{1} << 40)}) {
    pickle.integer(value);
  }
  CHECK(pickle.finish() ==
        "\x80\x02K\xffM\0\x01J\0\0\x01\0J\xff\xff\xff\xff\x8a\x08\0\0\0\x80\0\0\0\0"
        "\x8a\x08\0\0\0\0\0\xff\xff\xff."s);
}

TEST_CASE("pickle: objects written again come from the memo, past 255 by a long index",
          "[serialization][pth]") {
  PickleWriter pickle;
  for (int i = 0; i < 257; ++i) pickle.text(std::to_string(i));
  pickle.text("0");
  pickle.text("256");
  const std::string bytes = pickle.finish();
  CHECK(
      bytes.ends_with("X\x03\0\0\0"
                      "255q\xffX\x03\0\0\0"
                      "256r\0\x01\0\0h\0j\0\x01\0\0."s));
}
