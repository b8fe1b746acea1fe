// lamina::save and load, and the kinds of files told by their bytes.
#include <lamina/serialization/load.h>

#include "tests/serialization/format_matchers.h"
#include "tests/support/temporary_folder.h"

#include <lamina/serialization/npy.h>

#include "serialization/zip_writer.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace lamina;
using namespace lamina::serialization;
using namespace lamina::test;
namespace fs = std::filesystem;

namespace {

StateDict small() {
  StateDict tensors;
  tensors.insert("b.weight", Tensor::from<float>({1, 2, 3, 4}, {2, 2}));
  tensors.insert("a.bias", Tensor::from<std::int64_t>({5}, {1}));
  return tensors;
}

fs::path write_zip(const fs::path& path, const std::vector<std::string>& names) {
  ZipWriter zip(path);
  for (const std::string& name : names) {
    zip.begin(name, 0, 1);
    zip.end();
  }
  zip.commit();
  return path;
}

fs::path written(const fs::path& path, const std::string& bytes) {
  write_text(path, bytes);
  return path;
}

}  // namespace

TEST_CASE("load: reads each kind that save_any writes, whatever the name",
          "[serialization][load]") {
  const TemporaryFolder folder;
  for (const char* name : {"a.lamina", "a.safetensors", "a.npz", "a.NPZ"}) {
    save_any(small(), folder / name);
    fs::rename(folder / name, folder / "renamed.pth");
    const StateDict read = load(folder / "renamed.pth");
    REQUIRE(read.size() == 2);
    for (const auto& [tensor_name, tensor] : small()) {
      CHECK(equal_bits(read.at(tensor_name), tensor));
    }
  }
}

TEST_CASE("save: writes a container under any name", "[serialization][load]") {
  const TemporaryFolder folder;
  save(small(), folder / "weights.bin");
  CHECK(detect_kind(folder / "weights.bin") == FileKind::lamina);
}

TEST_CASE("save_any: an unknown extension lists the known ones", "[serialization][load]") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(save_any(small(), folder / "a.h5"),
                    Catch::Contains("'.h5'") && Catch::Contains(".lamina, .safetensors, .npz"));
  CHECK_THROWS_AS(save_any(small(), folder / "a"), InvalidArgument);
}

TEST_CASE("load: one array gets the name that NumPy would give it", "[serialization][load]") {
  const TemporaryFolder folder;
  save_npy(Tensor::full({2}, 1.0f), folder / "x.npy");
  CHECK(load(folder / "x.npy").at("arr_0").shape() == Shape{2});
}

TEST_CASE("detect_kind: PyTorch's kinds", "[serialization][load]") {
  const TemporaryFolder folder;
  CHECK(detect_kind(write_zip(folder / "a", {"archive/data.pkl", "archive/data/0"})) ==
        FileKind::pth_zip);
  CHECK(detect_kind(write_zip(folder / "a", {"m/code/x.py", "m/data.pkl", "m/constants.pkl"})) ==
        FileKind::torchscript);
  CHECK(detect_kind(written(folder / "a",
                            "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
                            "\x2e\x80\x02M\xe9\x03.")) == FileKind::pth_legacy);
  CHECK(detect_kind(written(folder / "a", std::string(257, '\0') + "ustar  ")) ==
        FileKind::pth_tar);
}

TEST_CASE("detect_kind: a damaged file keeps its kind, so that its reader can tell what is wrong",
          "[serialization][load]") {
  const TemporaryFolder folder;
  save_any(small(), folder / "a.npz");
  const std::string npz = read_text(folder / "a.npz");
  CHECK(detect_kind(written(folder / "b", npz.substr(0, npz.size() / 2))) == FileKind::npz);
  write_zip(folder / "c", {"archive/data.pkl", "archive/data/0"});
  CHECK(detect_kind(written(folder / "d", read_text(folder / "c").substr(0, 60))) ==
        FileKind::pth_zip);
  CHECK(detect_kind(written(folder / "e", "\x89LAMINA\r\n")) == FileKind::lamina);
  CHECK(detect_kind(written(folder / "f", bytes_of_integer<std::uint64_t>(5000) + "{\"a\":")) ==
        FileKind::safetensors);
}

TEST_CASE("detect_kind: anything else is unknown", "[serialization][load]") {
  const TemporaryFolder folder;
  for (const std::string bytes : {"", "P", "PK\x03\x04", "hello, this is a text"}) {
    CHECK(detect_kind(written(folder / "a", bytes)) == FileKind::unknown);
  }
  CHECK(detect_kind(write_zip(folder / "a", {"word/document.xml"})) == FileKind::unknown);
  CHECK_THROWS_AS(detect_kind(folder / "none"), IoError);
}

TEST_CASE("load: a file of no known kind says what it seems to be", "[serialization][load]") {
  const TemporaryFolder folder;
  const auto hint_of = [&](const std::string& bytes) -> std::string {
    try {
      load(written(folder / "a.pth", bytes));
    } catch (const FormatError& error) {
      CHECK(error.code() == FormatErrc::bad_magic);
      return error.hint();
    }
    return "none";
  };
  CHECK(hint_of("") == "the file is empty");
  CHECK(hint_of("version https://git-lfs.github.com/spec/v1\n").find("git lfs pull") !=
        std::string::npos);
  CHECK(hint_of("<!DOCTYPE html>").find("web page") != std::string::npos);
  CHECK(hint_of("anything").find(".safetensors") != std::string::npos);
}
