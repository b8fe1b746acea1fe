#include "core/nearest.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using lamina::nearest_name;

namespace {

const std::vector<std::string> kModels{"vgg11", "vgg13", "vgg16", "vgg19", "vgg16_bn"};

std::string nearest(std::string_view name, const std::vector<std::string>& candidates = kModels) {
  return nearest_name(name, candidates).value_or("(none)");
}

}  // namespace

TEST_CASE("nearest_name: finds one wrong, missing, added or swapped letter", "[core][nearest]") {
  CHECK(nearest("vgg16x") == "vgg16");
  CHECK(nearest("vg16") == "vgg16");
  CHECK(nearest("vgg16_nb") == "vgg16_bn");
  CHECK(nearest("vgg16-bn") == "vgg16_bn");
  CHECK(nearest("vgg16") == "vgg16");
}

TEST_CASE("nearest_name: says nothing where nothing is near", "[core][nearest]") {
  CHECK(nearest("resnet50") == "(none)");
  CHECK(nearest("") == "(none)");
  CHECK(nearest("vgg16", {}) == "(none)");
}

TEST_CASE("nearest_name: of equally near ones the first wins", "[core][nearest]") {
  CHECK(nearest("vgg10") == "vgg11");
}

TEST_CASE("nearest_name: the longer the name, the more may be wrong", "[core][nearest]") {
  const std::vector<std::string> one{"features.28.weight"};
  CHECK(nearest("feature.28.wieghts", one) == one[0]);
  CHECK(nearest("featurs.82.wt", one) == "(none)");
}

TEST_CASE("nearest_name: does not work on names too long to be misspelt", "[core][nearest]") {
  const std::string endless(100'000, 'x');
  CHECK(nearest(endless, {endless}) == "(none)");
  CHECK(nearest("vgg16x", {endless, "vgg16"}) == "vgg16");
}
