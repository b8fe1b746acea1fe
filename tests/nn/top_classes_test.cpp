#include <lamina/core/error.h>
#include <lamina/nn/top_classes.h>

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace lamina;
using Catch::Matchers::Contains;

TEST_CASE("top_classes: each image's classes in falling order, with their probabilities", "[nn]") {
  // The exponentials of one row are 1, 3, 4 parts of 8; the other's are equal.
  const float a = 0, b = std::log(3.0F), c = std::log(4.0F);
  const Tensor logits = Tensor::from(std::vector<float>{a, c, b, 7, 7, 7}, {2, 3});
  const auto top = top_classes(logits, 2);
  REQUIRE(top.size() == 2);
  REQUIRE(top[0].size() == 2);
  CHECK(top[0][0].index == 1);
  CHECK(top[0][0].probability == Approx(0.5));
  CHECK(top[0][0].logit == c);
  CHECK(top[0][1].index == 2);
  CHECK(top[0][1].probability == Approx(0.375));
  CHECK(top[1][0].index == 0);
  CHECK(top[1][1].index == 1);
  CHECK(top[1][1].probability == Approx(1.0 / 3));
}

TEST_CASE("top_classes: all classes where there are fewer than k, none for none", "[nn]") {
  const Tensor logits = Tensor::from(std::vector<float>{1, 2}, {1, 2});
  CHECK(top_classes(logits, 5)[0].size() == 2);
  CHECK(top_classes(logits, 0)[0].empty());
  CHECK(top_classes(Tensor::zeros({0, 2}), 5).empty());
}

TEST_CASE("top_classes: what is no rows of logits is refused", "[nn][errors]") {
  CHECK_THROWS_WITH(top_classes(Tensor::zeros({1, 2, 1, 1}), 1), Contains("[1, 2, 1, 1]"));
  CHECK_THROWS_AS(top_classes(Tensor::zeros({1, 2}, DType::f64), 1), InvalidArgument);
  CHECK_THROWS_AS(top_classes(Tensor::zeros({1, 2}), -1), InvalidArgument);
}

TEST_CASE("top_classes: of one image, equal ones in their order and NaN before everything",
          "[nn]") {
  const float logits[] = {1, 3, 3, -2};
  const auto best = top_classes(logits, 9);
  REQUIRE(best.size() == 4);
  CHECK(best[0].index == 1);
  CHECK(best[1].index == 2);
  CHECK(best[3].index == 3);
  const float spoiled[] = {1, std::numeric_limits<float>::quiet_NaN()};
  CHECK(top_classes(spoiled, 1)[0].index == 1);
  CHECK_THROWS_AS(top_classes(logits, -1), InvalidArgument);
}
