// Models in several safetensors files: what is written, and what an index may not say.
#include <lamina/serialization/load.h>
#include <lamina/serialization/safetensors.h>

#include "tests/serialization/format_matchers.h"
#include "tests/support/temporary_folder.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

using namespace lamina;
using namespace lamina::serialization;
using namespace lamina::test;

namespace {

StateDict sample() {
  StateDict tensors;
  tensors.insert("a", Tensor::full({4}, 1));
  tensors.insert("b", Tensor::full({100}, 2));
  tensors.insert("c", Tensor::full({4}, 3));
  tensors.insert("d", Tensor::full({4}, 4));
  tensors.metadata()["by"] = "test";
  return tensors;
}

std::vector<std::string> names_in(const TemporaryFolder& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// An index that says where "a" is.
void write_index(const TemporaryFolder& folder, const std::string& shard) {
  write_text(folder / "m.safetensors.index.json",
             R"({"metadata": {"total_size": 16}, "weight_map": {"a": )" + shard + "}}");
}

StateDict load_index(const TemporaryFolder& folder) {
  return load(folder / "m.safetensors.index.json");
}

}  // namespace

TEST_CASE("safetensors shards: as many tensors to a file as fit, and an index of them all",
          "[serialization][safetensors]") {
  const TemporaryFolder folder;
  std::int64_t total = 0;
  save_safetensors_shards(sample(), folder / "m.safetensors", 32,
                          {.progress = [&](std::int64_t, std::int64_t all) { total = all; }});
  CHECK(total == 448);
  CHECK(names_in(folder) ==
        std::vector<std::string>{"m-00001-of-00003.safetensors", "m-00002-of-00003.safetensors",
                                 "m-00003-of-00003.safetensors", "m.safetensors.index.json"});
  CHECK(load(folder / "m-00003-of-00003.safetensors").size() == 2);
  CHECK(read_text(folder / "m.safetensors.index.json") == R"({
  "metadata": {
    "total_size": 448
  },
  "weight_map": {
    "a": "m-00001-of-00003.safetensors",
    "b": "m-00002-of-00003.safetensors",
    "c": "m-00003-of-00003.safetensors",
    "d": "m-00003-of-00003.safetensors"
  }
}
)");
  CHECK(detect_kind(folder / "m.safetensors.index.json") == FileKind::safetensors_index);
  const StateDict read = load_index(folder);
  CHECK(read.metadata() == sample().metadata());
  REQUIRE(read.size() == 4);
  for (const auto& [name, tensor] : sample()) CHECK(equal_bits(read.at(name), tensor));
}

TEST_CASE("safetensors shards: one file where all fits", "[serialization][safetensors]") {
  const TemporaryFolder folder;
  save_safetensors_shards(sample(), folder / "m.safetensors", 448);
  CHECK(names_in(folder) == std::vector<std::string>{"m.safetensors"});
  CHECK_THROWS_AS(save_safetensors_shards(sample(), folder / "m.safetensors", 0), InvalidArgument);
}

TEST_CASE("safetensors shards: an error leaves the old files and none of the new",
          "[serialization][safetensors]") {
  const TemporaryFolder folder;
  write_text(folder / "m-00002-of-00003.safetensors", "old");
  write_index(folder, R"("old")");
  const std::vector<std::string> before = names_in(folder);
  CHECK_THROWS_AS(save_safetensors_shards(sample(), folder / "m.safetensors", 32,
                                          {.progress = {}, .overwrite = false}),
                  IoError);
  std::filesystem::remove(folder / "m.safetensors.index.json");
  CHECK_THROWS_AS(save_safetensors_shards(sample(), folder / "m.safetensors", 32,
                                          {.progress = {}, .overwrite = false}),
                  IoError);
  CHECK(names_in(folder) == std::vector<std::string>{"m-00002-of-00003.safetensors"});
  CHECK(read_text(folder / "m-00002-of-00003.safetensors") == "old");
  const auto stop = [](std::int64_t done, std::int64_t) {
    if (done > 400) throw std::runtime_error("stop");
  };
  CHECK_THROWS_WITH(
      save_safetensors_shards(sample(), folder / "m.safetensors", 32, {.progress = stop}), "stop");
  CHECK(names_in(folder) == std::vector<std::string>{"m-00002-of-00003.safetensors"});
  CHECK(read_text(folder / "m-00002-of-00003.safetensors") == "old");
}

TEST_CASE("safetensors shards: an index names files beside it, and nothing else",
          "[serialization][safetensors]") {
  const TemporaryFolder folder;
  for (const char* shard : {R"("../m.safetensors")", R"("/etc/passwd")", R"("a/b")", R"("..")",
                            R"(".")", R"("")", R"("a\\b")", R"("a\u0000b")", "7", "null"}) {
    write_index(folder, shard);
    INFO(shard);
    CHECK_THROWS_MATCHES(load_index(folder), FormatError, breaks(FormatErrc::bad_name, "'a'"));
  }
}

TEST_CASE("safetensors shards: a shard that is missing, damaged or without the tensor is an error",
          "[serialization][safetensors]") {
  const TemporaryFolder folder;
  write_index(folder, R"("s.safetensors")");
  CHECK_THROWS_WITH(load_index(folder), Catch::Contains("s.safetensors"));
  StateDict other;
  other.insert("b", Tensor::zeros({4}));
  save_safetensors(other, folder / "s.safetensors");
  CHECK_THROWS_MATCHES(load_index(folder), FormatError,
                       breaks(FormatErrc::bad_field, "tensor 'a' is not in s.safetensors"));
  write_text(folder / "s.safetensors", "short");
  CHECK_THROWS_AS(load_index(folder), FormatError);
}

TEST_CASE("safetensors shards: an index that is no index is an error",
          "[serialization][safetensors]") {
  const TemporaryFolder folder;
  const auto path = folder / "m.safetensors.index.json";
  write_text(path, R"({"weight_map": ["a"]})");
  CHECK_THROWS_MATCHES(load(path), FormatError, breaks(FormatErrc::bad_field, "weight_map"));
  write_text(path, R"({"weight_map": {"a": "b", "a": "c"}})");
  CHECK_THROWS_MATCHES(load(path), FormatError, breaks(FormatErrc::duplicate_name, "'a'"));
  write_text(path, R"({"weight_map": {)");
  CHECK_THROWS_MATCHES(load(path), FormatError, breaks(FormatErrc::bad_json, "index"));
}

TEST_CASE("safetensors: tensors that are not aligned are copied, unless asked otherwise",
          "[serialization][safetensors]") {
  const TemporaryFolder folder;
  const std::string header = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  write_text(folder / "a.safetensors",
             bytes_of_integer(std::uint64_t{header.size()}) + header + std::string(4, '\x40'));
  REQUIRE((8 + header.size()) % 4 != 0);
  LoadOptions options;
  CHECK_FALSE(load(folder / "a.safetensors", options).at("a").is_read_only());
  options.unaligned = true;
  CHECK(load(folder / "a.safetensors", options).at("a").is_read_only());
}
