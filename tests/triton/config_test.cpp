// A model's configuration, as the server hands it over: completed, and checked against the model.
#include "triton/config.h"

#include "tests/nn/networks.h"

#include <lamina/nn/linear.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace lamina;
using namespace lamina::test;
using namespace lamina::triton;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

Model model_of_side(std::int64_t crop) {
  ModelInfo info;
  info.transforms.crop = crop;
  return Model(small_network(), info);
}

// What lamina-convert triton-repo writes, as the server's JSON of it.
json good_config() {
  const Signature signature = signature_of(model_of_side(16));
  return {
      {"name", "net"},
      {"backend", "lamina"},
      {"max_batch_size", 8},
      {"input", {{{"name", "input"}, {"data_type", "TYPE_FP32"}, {"dims", signature.image}}}},
      {"output", {{{"name", "logits"}, {"data_type", "TYPE_FP32"}, {"dims", {signature.classes}}}}},
      {"parameters", {{"precision", {{"string_value", "bf16"}}}}}};
}

std::string complaint(const json& config) {
  try {
    (void)read_config(config.dump(), model_of_side(16));
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("triton signature: follows from the layers and the preprocessing", "[triton]") {
  const Signature fixed = signature_of(model_of_side(16));
  CHECK(fixed.image == std::vector<std::int64_t>{3, 16, 16});
  CHECK(fixed.classes == 10);
  const Signature any = signature_of(model_of_side(0));
  CHECK(any.image == std::vector<std::int64_t>{3, -1, -1});
  CHECK(any.classes == 10);
}

TEST_CASE("triton signature: a model that takes no pictures is refused", "[triton]") {
  auto linear =
      std::make_shared<nn::Linear>(nn::LinearOptions{.in_features = 4, .out_features = 2});
  linear->eval();
  CHECK_THROWS_WITH(signature_of(Model(linear, {})), Contains("no convolution"));
}

TEST_CASE("triton config: a good one is read", "[triton]") {
  json config = good_config();
  config["parameters"]["threads"]["string_value"] = "2";
  config["parameters"]["TRITON_BATCH_STRATEGY_PATH"]["string_value"] = "the server's own";
  const ServingConfig found = read_config(config.dump(), model_of_side(16));
  CHECK(found.max_batch == 8);
  CHECK(found.image == std::vector<std::int64_t>{3, 16, 16});
  CHECK(found.classes == 10);
  CHECK(found.precision == "bf16");
  CHECK(found.threads == 2);
}

TEST_CASE("triton config: another size that the model takes, or any, is read", "[triton]") {
  json config = good_config();
  config["input"][0]["dims"] = {3, 20, 24};
  CHECK_FALSE(read_config(config.dump(), model_of_side(16)).any_size());
  config["input"][0]["dims"] = {"3", "-1", "-1"};  // as protobuf may write numbers of 64 bits
  CHECK(read_config(config.dump(), model_of_side(16)).any_size());
}

TEST_CASE("triton config: what does not fit the model is named", "[triton]") {
  const auto with = [](const char* path, const json& value) {
    json config = good_config();
    config[json::json_pointer(path)] = value;
    return complaint(config);
  };
  const std::string want = "the model has one input, 'input', TYPE_FP32 [3, 16, 16]";
  CHECK(complaint(good_config()) == "none");
  CHECK(with("/input", json::array()) == "[triton] no input: " + want);
  CHECK(with("/input/0/name", "picture") == "[triton] input 'picture': " + want);
  CHECK(with("/input/0/data_type", "TYPE_UINT8") ==
        "[triton] input 'input' has data_type TYPE_UINT8: " + want);
  CHECK(with("/input/1", good_config()["input"][0]) == "[triton] 2 inputs: " + want);
  CHECK_THAT(with("/input/0/dims", {-1, 3, 16, 16}),
             Contains("[-1, 3, 16, 16]: expected [c, h, w]"));
  CHECK_THAT(with("/input/0/dims", {1, 16, 16}),
             Contains("[1, 16, 16]: the model takes 3 channels"));
  CHECK_THAT(with("/input/0/dims", {3, 0, 16}), Contains("has dims [3, 0, 16]"));
  CHECK_THAT(with("/input/0/dims", {3, 1, 1}), Contains("has dims [3, 1, 1]: [max_pool2d]"));
  CHECK_THAT(with("/input/0/dims", {3, "x", 16}), Contains("no whole number: 'x'"));
  CHECK_THAT(with("/output/0/dims", {1000}), Contains("has dims [1000]: the model gives [10]"));
  CHECK_THAT(with("/output/0/name", "scores"),
             Contains("output 'scores': the model has one output"));
  CHECK_THAT(with("/parameters/precison", {{"string_value", "bf16"}}),
             Contains("unknown parameter 'precison': there are precision and threads"));
  CHECK_THAT(with("/parameters/threads", {{"string_value", "many"}}),
             Contains("'threads' is no whole number: 'many'"));
  CHECK_THAT(with("/parameters/threads", {{"string_value", "-1"}}), Contains("'threads' is -1"));
  CHECK_THAT(with("/max_batch_size", -1), Contains("max_batch_size is -1"));
  CHECK_THAT(with("/sequence_batching", json::object()), Contains("keeps nothing"));
  CHECK_THROWS_WITH(read_config("[", model_of_side(16)), Contains("no JSON object"));
}

TEST_CASE("triton config: what was left out is completed, and then fits", "[triton]") {
  const Model model = model_of_side(16);
  const std::string completed = completed_config(
      R"({"name": "net", "max_batch_size": 0, "input": [], "output": []})", signature_of(model));
  const json value = json::parse(completed);
  CHECK(value["max_batch_size"] == 8);
  CHECK(value["dynamic_batching"] == json::object());
  CHECK(read_config(completed, model).image == std::vector<std::int64_t>{3, 16, 16});
}

TEST_CASE("triton config: what was said is left as it is", "[triton]") {
  const Signature signature = signature_of(model_of_side(16));
  json config = good_config();
  config["max_batch_size"] = 0;
  CHECK(json::parse(completed_config(config.dump(), signature)) == config);
  config["max_batch_size"] = 4;
  config["dynamic_batching"]["max_queue_delay_microseconds"] = 100;
  CHECK(json::parse(completed_config(config.dump(), signature)) == config);
}

TEST_CASE("triton config: the model's file is model.lamina or what the configuration names",
          "[triton]") {
  CHECK(model_file_name("{}") == "model.lamina");
  CHECK(model_file_name(R"({"default_model_filename": ""})") == "model.lamina");
  CHECK(model_file_name(R"({"default_model_filename": "a.lamina"})") == "a.lamina");
}
