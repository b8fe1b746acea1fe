// lamina-convert triton-repo: what it writes, and what it leaves alone.
#include "tests/tools/run_program.h"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace lamina::test;
using Catch::Matchers::Contains;

namespace {

Outcome triton_repo(const Workplace& place, std::vector<std::string> options = {}) {
  std::vector<std::string> arguments{"triton-repo", "model.lamina", "served"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return place.convert(arguments);
}

std::string config(const Workplace& place, const std::string& name = "model") {
  return read_text(place / ("served/" + name + "/config.pbtxt"));
}

}  // namespace

TEST_CASE("triton-repo: a folder with the model, its labels and a configuration",
          "[tools][triton]") {
  const Workplace place;
  const Outcome outcome = triton_repo(place);
  CHECK(outcome.status == 0);
  CHECK(outcome.out == "");
  CHECK_THAT(outcome.err, Contains("served/model, its weights a copy of model.lamina\n"));
  CHECK(read_text(place / "served/model/1/model.lamina") == read_text(place.model()));
  CHECK(read_text(place / "served/model/labels.txt") == "c0\nc1\nc2\nc3\nc4\n");
  const std::string text = config(place);
  CHECK_THAT(text, Contains("name: \"model\"\nbackend: \"lamina\"\nmax_batch_size: 8\n"));
  CHECK_THAT(text, Contains("{ name: \"input\" data_type: TYPE_FP32 dims: [3, 16, 16] }"));
  CHECK_THAT(text, Contains("{ name: \"logits\" data_type: TYPE_FP32 dims: [5] label_filename: "
                            "\"labels.txt\" }"));
  CHECK_THAT(text, Contains("instance_group [ { count: 1 } ]\ndynamic_batching { }\n"));
  CHECK_THAT(text, Contains("key: \"precision\" value: { string_value: \"fp32\" }"));
}

TEST_CASE("triton-repo: the options stand in the configuration", "[tools][triton]") {
  const Workplace place;
  CHECK(triton_repo(place, {"--name", "a-1", "--device", "cpu", "--precision", "int8",
                            "--instances", "2", "--threads", "1", "--max-batch", "1"})
            .status == 0);
  CHECK_THAT(config(place, "a-1"), Contains("max_batch_size: 1\n"));
  CHECK_THAT(config(place, "a-1"), Contains("{ count: 2 kind: KIND_CPU }"));
  CHECK_THAT(config(place, "a-1"), Contains("\"threads\" value: { string_value: \"1\" }"));
  CHECK_THAT(config(place, "a-1"), Contains("{ string_value: \"int8\" }"));
  CHECK_THAT(config(place, "a-1"), !Contains("dynamic_batching"));
  // The GPU need not be on this machine.
  CHECK(triton_repo(place, {"--name", "b", "--device", "cuda:1", "--precision", "tf32"}).status ==
        0);
  CHECK_THAT(config(place, "b"), Contains("{ count: 1 kind: KIND_GPU gpus: [ 1 ] }"));
  CHECK(triton_repo(place, {"--name", "c", "--device", "cuda"}).status == 0);
  CHECK_THAT(config(place, "c"), Contains("{ count: 1 kind: KIND_GPU }"));
}

TEST_CASE("triton-repo: replaces only when told to, and only what it wrote", "[tools][triton]") {
  const Workplace place;
  REQUIRE(triton_repo(place).status == 0);
  const Outcome again = triton_repo(place, {"--max-batch", "2"});
  CHECK(again.status == 2);
  CHECK_THAT(again.err, Contains("the model is there already: served/model"));
  CHECK_THAT(config(place), Contains("max_batch_size: 8"));
  CHECK(triton_repo(place, {"--max-batch", "2", "--force"}).status == 0);
  CHECK_THAT(config(place), Contains("max_batch_size: 2"));

  std::filesystem::create_directories(place / "served/model/2");
  write_text(place / "served/model/2/model.lamina", "another version");
  const Outcome refused = triton_repo(place, {"--force"});
  CHECK(refused.status == 2);
  CHECK_THAT(refused.err, Contains("holds more than a model of one version"));
  CHECK(read_text(place / "served/model/2/model.lamina") == "another version");
}

TEST_CASE("triton-repo: what a killed run left goes with the next", "[tools][triton]") {
  const Workplace place;
  std::filesystem::create_directories(place / "served/.model.partial/1");
  write_text(place / "served/.model.partial/1/model.lamina.1.0.tmp", "a part");
  CHECK(triton_repo(place).status == 0);
  CHECK_FALSE(std::filesystem::exists(place / "served/.model.partial"));
}

TEST_CASE("triton-repo: wrong arguments are status 2, a damaged model is 3, and leave nothing",
          "[tools][triton]") {
  const Workplace place;
  CHECK_THAT(triton_repo(place, {"--name", "../x"}).err,
             Contains("no name for a served model: ../x"));
  CHECK_THAT(
      triton_repo(place, {"--precision", "fp4"}).err,
      Contains("--precision fp4 is not for --device auto\n  hint: there: bf16, fp16, fp32, fp8, "
               "int8, tf32\n"));
  CHECK(triton_repo(place, {"--device", "cpu", "--precision", "tf32"}).status == 2);
  CHECK(triton_repo(place, {"--device", "gpu"}).status == 2);
  const Outcome picture = place.convert({"triton-repo", "a.bmp", "served"});
  CHECK(picture.status == 2);
  CHECK_THAT(picture.err, Contains("not a .lamina file with a model: a.bmp"));

  std::string damaged = read_text(place.model());
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  write_text(place / "damaged.lamina", damaged);
  CHECK(place.convert({"triton-repo", "damaged.lamina", "served"}).status == 3);
  CHECK_FALSE(std::filesystem::exists(place / "served"));
}
