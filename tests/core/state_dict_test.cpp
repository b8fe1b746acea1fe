#include <lamina/core/error.h>
#include <lamina/core/state_dict.h>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace lamina;

namespace {

std::vector<std::string> names(const StateDict& dict) {
  std::vector<std::string> result;
  for (const auto& [name, tensor] : dict) result.push_back(name);
  return result;
}

StateDict three() {
  StateDict dict;
  dict.insert("features.0.weight", Tensor::zeros({2, 3}));
  dict.insert("features.0.bias", Tensor::zeros({2}));
  dict.insert("classifier.weight", Tensor::zeros({4}, DType::f16));
  return dict;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("state_dict: keeps the order of insertion", "[core][state_dict]") {
  const StateDict dict = three();
  CHECK(names(dict) == Names{"features.0.weight", "features.0.bias", "classifier.weight"});
  CHECK(dict.size() == 3);
  CHECK(dict.nbytes() == 24 + 8 + 8);
  CHECK(StateDict().empty());
}

TEST_CASE("state_dict: entries share storage with what was put in", "[core][state_dict]") {
  const Tensor tensor = Tensor::zeros({2});
  StateDict dict;
  dict.insert("a", tensor);
  const StateDict copy = dict;
  CHECK(dict["a"].shares_storage_with(tensor));
  CHECK(copy["a"].shares_storage_with(tensor));
}

TEST_CASE("state_dict: a name can be inserted once, and set as often as one likes",
          "[core][state_dict]") {
  StateDict dict = three();
  CHECK_THROWS_AS(dict.insert("features.0.bias", Tensor::zeros({9})), InvalidArgument);
  CHECK(dict.at("features.0.bias").shape() == Shape{2});
  dict.set("features.0.bias", Tensor::zeros({9}));
  dict.set("new", Tensor::zeros({1}));
  CHECK(names(dict) == Names{"features.0.weight", "features.0.bias", "classifier.weight", "new"});
  CHECK(dict.at("features.0.bias").shape() == Shape{9});
}

TEST_CASE("state_dict: find says nothing, at says what is near", "[core][state_dict]") {
  const StateDict dict = three();
  CHECK(dict.find("nope") == nullptr);
  CHECK_FALSE(dict.contains("features.0"));
  CHECK(dict.contains("features.0.bias"));
  try {
    dict.at("features.0.wieght");
    FAIL("no such tensor, and no exception");
  } catch (const InvalidArgument& error) {
    CHECK_THAT(error.what(), Catch::Contains("features.0.wieght"));
    CHECK_THAT(error.hint(), Catch::Contains("'features.0.weight'"));
  }
  try {
    dict.at("something else altogether");
    FAIL("no such tensor, and no exception");
  } catch (const InvalidArgument& error) {
    CHECK(error.hint().empty());
  }
}

TEST_CASE("state_dict: erase closes the gap and keeps the names right", "[core][state_dict]") {
  StateDict dict = three();
  dict.erase("features.0.weight");
  dict.erase("never there");
  CHECK(names(dict) == Names{"features.0.bias", "classifier.weight"});
  CHECK(dict.at("classifier.weight").shape() == Shape{4});
  dict.insert("features.0.weight", Tensor::zeros({1}));
  CHECK(names(dict).back() == "features.0.weight");
}

TEST_CASE("state_dict: metadata travels with it", "[core][state_dict]") {
  StateDict dict = three();
  dict.metadata()["format"] = "pt";
  const StateDict copy = dict;
  CHECK(copy.metadata().at("format") == "pt");
}
