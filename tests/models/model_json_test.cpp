#include "models/model_json.h"

#include <lamina/core/error.h>

#include <catch2/catch.hpp>

#include <string>

using namespace lamina;
using models::detail::layer_spec_from_json;
using models::detail::model_info_from_json;
using models::detail::to_json;
using models::detail::with_input_ranges;

namespace {

template <typename F>
FormatErrc code_of(const F& f) {
  try {
    f();
  } catch (const FormatError& error) {
    return error.code();
  }
  FAIL("nothing was thrown");
  throw std::logic_error("unreachable");
}

FormatErrc spec_error(const std::string& text) {
  return code_of([&] { layer_spec_from_json(text); });
}
FormatErrc info_error(const std::string& text) {
  return code_of([&] { model_info_from_json(text); });
}

}  // namespace

TEST_CASE("layer spec: every kind of argument comes back as it was", "[models][json]") {
  nn::LayerSpec child{.type = "Conv2d",
                      .args = {{"whole", std::int64_t{3}},
                               {"real", 2.0},
                               {"flag", true},
                               {"none", std::monostate{}},
                               {"text", std::string("zéro")},
                               {"pair", std::vector<std::int64_t>{1, 2}}},
                      .children = {}};
  const nn::LayerSpec spec{.type = "Sequential", .args = {}, .children = {{"0", child}}};
  const std::string text = to_json(spec);
  CHECK(text == R"({"type":"Sequential","children":[{"name":"0","type":"Conv2d","args":{"whole":3,)"
                R"("real":2.0,"flag":true,"none":null,"text":"zéro","pair":[1,2]}}]})");
  const nn::LayerSpec again = layer_spec_from_json(text);
  REQUIRE(again.children.size() == 1);
  CHECK(again.children[0].spec.args == child.args);
}

TEST_CASE("layer spec: each rule has its own error", "[models][json]") {
  CHECK(spec_error("{") == FormatErrc::bad_json);
  CHECK(spec_error("[]") == FormatErrc::bad_field);
  CHECK(spec_error(R"({"args":{}})") == FormatErrc::bad_field);
  CHECK(spec_error(R"({"type":3})") == FormatErrc::bad_field);
  CHECK(spec_error(R"({"type":""})") == FormatErrc::bad_name);
  CHECK(spec_error(R"({"type":"A","args":[]})") == FormatErrc::bad_field);
  CHECK(spec_error(R"({"type":"A","args":{"x":{}}})") == FormatErrc::bad_field);
  CHECK(spec_error(R"({"type":"A","args":{"x":[0.5]}})") == FormatErrc::bad_field);
  CHECK(spec_error(R"({"type":"A","args":{"x":18446744073709551615}})") == FormatErrc::bad_field);
  CHECK(spec_error(R"({"type":"A","children":{}})") == FormatErrc::bad_field);
  CHECK(spec_error(R"({"type":"A","children":[1]})") == FormatErrc::bad_field);
  CHECK(spec_error(R"({"type":"A","children":[{"type":"B"}]})") == FormatErrc::bad_field);
  CHECK(spec_error(R"({"type":"A","children":[{"name":"x.y","type":"B"}]})") ==
        FormatErrc::bad_name);
  CHECK(
      spec_error(R"({"type":"A","children":[{"name":"x","type":"B"},{"name":"x","type":"B"}]})") ==
      FormatErrc::duplicate_name);
}

TEST_CASE("layer spec: deep nesting ends with an error, not with the stack", "[models][json]") {
  std::string text = R"({"name":"0","type":"Sequential"})";
  for (int depth = 0; depth < 1000; ++depth) {
    text = R"({"name":"0","type":"Sequential","children":[)" + text + "]}";
  }
  CHECK(spec_error(text) == FormatErrc::limit);
}

TEST_CASE("model info: comes back whole, floats as short decimals", "[models][json]") {
  const ModelInfo info{.name = "digits",
                       .weights = "here",
                       .labels = {"0", "one \"quoted\""},
                       .transforms = {.resize = 32, .crop = 0, .mean = {0.1F, 0.2F, 0.3F}},
                       .metrics = {{"acc@1", 99.5}},
                       .input_ranges = {{"features.0", 2.64F}, {"features.2", 0}}};
  const std::string text = to_json(info);
  CHECK_THAT(text, Catch::Contains(R"("mean":[0.1,0.2,0.3])"));
  const ModelInfo again = model_info_from_json(text);
  CHECK(again.name == info.name);
  CHECK(again.weights == info.weights);
  CHECK(again.labels == info.labels);
  CHECK(again.transforms.resize == 32);
  CHECK(again.transforms.crop == 0);
  CHECK(again.transforms.mean == info.transforms.mean);
  CHECK(again.transforms.std == info.transforms.std);
  CHECK(again.metrics == info.metrics);
  CHECK(again.input_ranges == info.input_ranges);
}

TEST_CASE("model info: nothing, and keys that are not known, give the defaults", "[models][json]") {
  CHECK(model_info_from_json("").transforms.crop == 224);
  CHECK(model_info_from_json(R"({"future":[1,2]})").name.empty());
}

TEST_CASE("model info: other ranges leave the rest of a text as it is", "[models][json]") {
  const std::string text = R"({"future":[1,2],"name":"a","input_ranges":{"0":1.0}})";
  CHECK(with_input_ranges(text, {}) == R"({"future":[1,2],"name":"a"})");
  CHECK(with_input_ranges(text, {{"2", 0.1F}}) ==
        R"({"future":[1,2],"name":"a","input_ranges":{"2":0.1}})");
  CHECK(model_info_from_json(with_input_ranges("", {{"2", 0.1F}})).input_ranges ==
        InputRanges{{"2", 0.1F}});
  CHECK_THROWS_AS(with_input_ranges("[]", {}), FormatError);
}

TEST_CASE("model info: fields of a wrong type or without sense are named", "[models][json]") {
  CHECK(info_error("nope") == FormatErrc::bad_json);
  for (const char* text :
       {"[]", R"({"name":1})", R"({"labels":{}})", R"({"labels":[1]})", R"({"transforms":[]})",
        R"({"transforms":{"resize":-1}})", R"({"transforms":{"crop":1e30}})",
        R"({"transforms":{"mean":[1,2]}})", R"({"transforms":{"mean":[1,2,1e300]}})",
        R"({"transforms":{"std":[0,1,1]}})", R"({"metrics":{"acc":"high"}})",
        R"({"input_ranges":[1]})", R"({"input_ranges":{"0":"1"}})", R"({"input_ranges":{"0":-1}})",
        R"({"input_ranges":{"0":1e39}})"}) {
    INFO(text);
    CHECK(info_error(text) == FormatErrc::bad_field);
  }
}
