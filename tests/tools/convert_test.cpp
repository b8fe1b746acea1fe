// lamina-convert on small files.
#include "tests/tools/run_program.h"

#include <lamina/serialization/load.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

using namespace lamina::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using nlohmann::json;

TEST_CASE("convert: names and values survive every kind of file", "[tools][convert]") {
  const Workplace place;
  std::string from = "model.lamina";
  for (const std::string to : {"a.safetensors", "b.npz", "c.lamina", "d.pth", "e.pt", "e.lamina"}) {
    CHECK(place.convert({"-q", "convert", from, to}).status == 0);
    from = to;
  }
  const Outcome outcome = place.convert({"diff", "model.lamina", "e.lamina"});
  CHECK(outcome.status == 0);
  CHECK(outcome.out == "same: 4 tensors of model.lamina and e.lamina\n");
}

TEST_CASE("convert: a container keeps its model and labels in another container",
          "[tools][convert]") {
  const Workplace place;
  CHECK(place.convert({"-q", "convert", "model.lamina", "half.lamina", "--dtype", "fp16"}).status ==
        0);
  const Outcome outcome = place.infer({"-q", "-m", "half.lamina", "-k", "1", "a.bmp"});
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.out, Contains("\tc"));
}

TEST_CASE("convert: --calibrate keeps the ranges of a model's layers", "[tools][convert]") {
  const Workplace place;
  CHECK(place.convert({"-q", "convert", "model.lamina", "c.lamina", "--calibrate", "."}).status ==
        0);
  const auto ranges = [&](const std::string& file) {
    return json::parse(place.convert({"inspect", "--json", file}).out)["weights"]["input_ranges"];
  };
  REQUIRE(ranges("c.lamina").is_object());
  CHECK(ranges("c.lamina").size() == 2);
  CHECK(ranges("c.lamina")["0"] > 1);  // pictures are normalised
  CHECK(ranges("model.lamina").is_null());
  CHECK_THAT(place.convert({"inspect", "c.lamina"}).out, Contains("calibrated, 2 layers\n"));
  CHECK(place.infer({"-q", "-m", "c.lamina", "--precision", "int8", "a.bmp"}).status == 0);
  // A copy keeps them, other names do not.
  CHECK(place.convert({"-q", "convert", "c.lamina", "d.lamina", "--dtype", "bf16"}).status == 0);
  CHECK(ranges("d.lamina") == ranges("c.lamina"));
  write_text(place / "names.txt", "0.weight a.weight\n");
  CHECK(place.convert({"-q", "convert", "c.lamina", "e.lamina", "--map", "names.txt"}).status == 0);
  CHECK(ranges("e.lamina").is_null());
}

TEST_CASE("convert: --calibrate without a model or a place for it is status 2",
          "[tools][convert]") {
  const Workplace place;
  CHECK(place.convert({"convert", "model.lamina", "a.npz", "--calibrate", "."}).err ==
        "lamina-convert: error: --calibrate is for a .lamina OUT: a.npz\n"
        "  hint: other kinds have no place for what it learns\n");
  REQUIRE(place.convert({"-q", "convert", "model.lamina", "a.npz"}).status == 0);
  const Outcome outcome = place.convert({"convert", "a.npz", "b.lamina", "--calibrate", "."});
  CHECK(outcome.status == 2);
  CHECK_THAT(outcome.err, Contains("--calibrate needs a model to run"));
  CHECK_THAT(outcome.err, Contains("--arch NAME"));
}

TEST_CASE("convert: replaces nothing unless told to", "[tools][convert]") {
  const Workplace place;
  write_text(place / "out.npz", "old");
  const Outcome outcome = place.convert({"convert", "model.lamina", "out.npz"});
  CHECK(outcome.status == 2);
  CHECK(outcome.err ==
        "lamina-convert: error: the file is there already: out.npz\n  hint: --force replaces it\n");
  CHECK(read_text(place / "out.npz") == "old");
  CHECK(place.convert({"-q", "convert", "model.lamina", "out.npz", "--force"}).status == 0);
}

TEST_CASE("convert: prefixes come off, and a prefix that nothing has is an error",
          "[tools][convert]") {
  const Workplace place;
  write_text(place / "map", "# old new\n0.weight module.w\n0.bias module.b\n");
  CHECK(place.convert({"-q", "convert", "model.lamina", "p.npz", "--map", "map"}).status == 0);
  CHECK(lamina::load(place / "p.npz").contains("module.w"));
  CHECK(place.convert({"-q", "convert", "p.npz", "q.npz", "--strip-prefix", "module."}).status ==
        0);
  CHECK(lamina::load(place / "q.npz").contains("w"));
  const Outcome outcome =
      place.convert({"-q", "convert", "q.npz", "r.npz", "--strip-prefix", "module."});
  CHECK(outcome.status == 2);
  CHECK(outcome.err == "lamina-convert: error: no tensor has the prefix: --strip-prefix module.\n");
}

TEST_CASE("convert: what cannot be read is status 3, what does not fit an architecture 4",
          "[tools][convert]") {
  const Workplace place;
  CHECK(place.convert({"convert", "none.npz", "o.npz"}).status == 3);
  write_text(place / "x.pth",
             std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15));
  const Outcome pth = place.convert({"convert", "x.pth", "o.npz"});
  CHECK(pth.status == 3);
  CHECK_THAT(pth.err, StartsWith("lamina-convert: error: "));
  const Outcome outcome = place.convert({"convert", "model.lamina", "o.lamina", "--arch", "vgg11"});
  CHECK(outcome.status == 4);
  CHECK_THAT(outcome.err, Contains("features.0.weight"));
  CHECK_FALSE(std::filesystem::exists(place / "o.lamina"));
}

TEST_CASE("convert: bf16 has no place in an npz", "[tools][convert]") {
  const Workplace place;
  CHECK(place.convert({"convert", "model.lamina", "o.npz", "--dtype", "bf16"}).status == 2);
  CHECK(
      place.convert({"-q", "convert", "model.lamina", "o.safetensors", "--dtype", "bf16"}).status ==
      0);
  CHECK(lamina::load(place / "o.safetensors").at("0.weight").dtype() == lamina::DType::bf16);
}

TEST_CASE("convert: shards and their index are written and read as one model", "[tools][convert]") {
  const Workplace place;
  const std::vector<std::string> command{
      "-q", "convert", "model.lamina", "s.safetensors", "--max-shard-size", "1KB"};
  CHECK(place.convert(command).status == 0);
  CHECK_FALSE(std::filesystem::exists(place / "s.safetensors"));
  CHECK(place.convert({"diff", "s.safetensors.index.json", "model.lamina"}).status == 0);
  CHECK_THAT(place.convert({"inspect", "s.safetensors.index.json"}).out,
             Contains("kind:       safetensors (index)\n"));
  const Outcome again = place.convert(command);
  CHECK(again.status == 2);
  CHECK_THAT(again.err, Contains("the file is there already: s.safetensors.index.json"));
  CHECK(place
            .convert({"-q", "convert", "model.lamina", "s.safetensors", "--max-shard-size", "1KB",
                      "--force"})
            .status == 0);
  const Outcome other =
      place.convert({"convert", "model.lamina", "s.pth", "--max-shard-size", "1KB"});
  CHECK(other.status == 2);
  CHECK(other.err == "lamina-convert: error: --max-shard-size is for a .safetensors OUT: s.pth\n");
  CHECK(place.convert({"convert", "model.lamina", "s.safetensors", "--max-shard-size", "2 GB"})
            .status == 2);
}

TEST_CASE("convert: tensors on the same bytes stay so when their type changes",
          "[tools][convert]") {
  const Workplace place;
  lamina::StateDict tied;
  tied.insert("a", lamina::Tensor::full({1000}, 1));
  tied.insert("b", tied.at("a"));
  lamina::save(tied, place / "tied.lamina");
  CHECK(place.convert({"-q", "convert", "tied.lamina", "half.lamina", "--dtype", "fp16"}).status ==
        0);
  const lamina::StateDict half = lamina::load(place / "half.lamina");
  CHECK(half.at("a").dtype() == lamina::DType::f16);
  CHECK(half.at("a").raw_data() == half.at("b").raw_data());
}

TEST_CASE("convert: --key and --dequantize are for pickled files", "[tools][convert]") {
  const Workplace place;
  const Outcome outcome = place.convert({"convert", "model.lamina", "o.npz", "--key", "model"});
  CHECK(outcome.status == 2);
  CHECK(outcome.err ==
        "lamina-convert: error: --key is for pickled files, as PyTorch writes them: "
        "model.lamina\n");
  CHECK(place.convert({"inspect", "model.lamina", "--dequantize"}).status == 2);
}

TEST_CASE("verify: a flipped byte is status 7, a missing file 3", "[tools][convert]") {
  const Workplace place;
  const Outcome good = place.convert({"verify", "model.lamina"});
  CHECK(good.status == 0);
  CHECK(good.out == "model.lamina: ok, lamina, 4 tensors, 437 elements\n");
  std::string bytes = read_text(place / "model.lamina");
  bytes[bytes.size() - 1] = static_cast<char>(bytes[bytes.size() - 1] ^ 1);
  write_text(place / "flipped.lamina", bytes);
  const Outcome bad = place.convert({"verify", "flipped.lamina"});
  CHECK(bad.status == 7);
  CHECK(bad.out.empty());
  write_text(place / "cut.lamina", bytes.substr(0, bytes.size() / 2));
  CHECK(place.convert({"verify", "cut.lamina"}).status == 7);
  CHECK(place.convert({"verify", "none.lamina"}).status == 3);
  write_text(place / "text.lamina", "hello");
  CHECK(place.convert({"verify", "text.lamina"}).status == 3);
  CHECK(place.convert({"verify", "model.lamina", "--arch", "vgg11"}).status == 4);
}

TEST_CASE("diff: names, shapes, dtypes and values, within a tolerance or not", "[tools][convert]") {
  const Workplace place;
  CHECK(place.convert({"-q", "convert", "model.lamina", "h.lamina", "--dtype", "bf16"}).status ==
        0);
  const Outcome outcome = place.convert({"diff", "h.lamina", "model.lamina"});
  CHECK(outcome.status == 7);
  CHECK_THAT(outcome.out, Contains("dtype") && Contains("0.weight"));
  CHECK(place.convert({"diff", "h.lamina", "model.lamina", "--rtol", "0.01"}).status == 0);
  write_text(place / "map", "0.bias other\n");
  CHECK(place.convert({"-q", "convert", "model.lamina", "n.npz", "--map", "map"}).status == 0);
  const Outcome as_json = place.convert({"diff", "model.lamina", "n.npz", "--json"});
  CHECK(as_json.status == 7);
  const json object = json::parse(as_json.out);
  CHECK(object["same"] == false);
  CHECK(object["tensors"].size() == 5);
}

TEST_CASE("inspect: text and JSON, of every kind of file", "[tools][convert]") {
  const Workplace place;
  CHECK(place.convert({"-q", "convert", "model.lamina", "w.safetensors"}).status == 0);
  for (const std::string file : {"model.lamina", "w.safetensors"}) {
    CHECK_THAT(place.convert({"inspect", file}).out, Contains("tensors:    4 (4 f32)\n"));
    CHECK_THAT(place.convert({"inspect", file, "--tensors"}).out, Contains("0.weight"));
    const json object = json::parse(place.convert({"inspect", file, "--json", "--stats"}).out);
    CHECK(object["parameters"] == 437);
    CHECK(object["entries"][0].contains("mean"));
  }
  CHECK_THAT(place.convert({"inspect", "model.lamina"}).out, Contains("weights:    formula\n"));
}

TEST_CASE("inspect: figures are of the finite elements, and none where there are none",
          "[tools][convert]") {
  const Workplace place;
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  lamina::StateDict tensors;
  tensors.insert("some", lamina::Tensor::from<float>({kNan, 1, 2, kInfinity}, {4}));
  tensors.insert("none", lamina::Tensor::full({2}, kNan));
  tensors.insert("empty", lamina::Tensor::zeros({0, 4}));
  lamina::Tensor many = lamina::Tensor::full({100'000}, 1e8F);
  many.mutable_data<float>()[99'999] = 1e8F + 16;
  tensors.insert("many", many);
  lamina::save(tensors, place / "s.lamina");
  const json entries =
      json::parse(place.convert({"inspect", "s.lamina", "--stats", "--json"}).out)["entries"];
  CHECK(entries[0]["min"] == 1);
  CHECK(entries[0]["mean"] == 1.5);
  CHECK(entries[0]["std"] == 0.5);
  CHECK(entries[0]["nan"] == 1);
  CHECK(entries[0]["inf"] == 1);
  CHECK(entries[1]["max"].is_null());
  CHECK(entries[1]["nan"] == 2);
  CHECK(entries[2]["mean"].is_null());
  CHECK(entries[3]["mean"].get<double>() == Approx(1e8 + 16e-5).epsilon(1e-14));
  CHECK(entries[3]["std"].get<double>() == Approx(16 * std::sqrt(1e-5 * (1 - 1e-5))).epsilon(1e-6));
  CHECK_THAT(place.convert({"inspect", "s.lamina", "--stats"}).out, Contains("  -  "));
}

TEST_CASE("diff: integers are compared exactly, beyond what a double holds", "[tools][convert]") {
  const Workplace place;
  lamina::StateDict a, b;
  a.insert("n", lamina::Tensor::from<std::int64_t>({std::int64_t{1} << 62, 5}, {2}));
  b.insert("n", lamina::Tensor::from<std::int64_t>({(std::int64_t{1} << 62) + 1, 5}, {2}));
  lamina::save(a, place / "a.lamina");
  lamina::save(b, place / "b.lamina");
  const Outcome outcome = place.convert({"diff", "a.lamina", "b.lamina", "--json"});
  CHECK(outcome.status == 7);
  CHECK(json::parse(outcome.out)["tensors"][0]["differing"] == 1);
}

TEST_CASE("convert: says what did not survive", "[tools][convert]") {
  const Workplace place;
  CHECK_THAT(place.convert({"convert", "model.lamina", "m.PTH"}).err,
             Contains("the model's structure and labels have no place in a .pth\n"));
  lamina::StateDict tensors;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  tensors.insert("small", lamina::Tensor::full({2}, 1));
  tensors.insert("big", lamina::Tensor::from<float>({1e6F, -1e6F, kInfinity, 65504}, {4}));
  tensors.metadata()["by"] = "test";
  lamina::save_any(tensors, place / "t.safetensors");
  const Outcome outcome = place.convert({"convert", "t.safetensors", "t.npz", "--dtype", "fp16"});
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.err,
             Contains("warning: 2 values are too large for fp16 and became infinite, the first in "
                      "big\n") &&
                 Contains("the metadata has no place in a .npz\n"));
}
