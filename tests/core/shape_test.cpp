#include <lamina/core/error.h>
#include <lamina/core/shape.h>

#include <catch2/catch.hpp>

#include <cstdint>
#include <vector>

using lamina::InvalidArgument;
using lamina::Shape;

TEST_CASE("shape: an empty list is a scalar of one element", "[core][shape]") {
  const Shape scalar;
  CHECK(scalar.rank() == 0);
  CHECK(scalar.numel() == 1);
  CHECK(to_string(scalar) == "[]");
  CHECK(Shape{} == scalar);
}

TEST_CASE("shape: axes count from either end", "[core][shape]") {
  const Shape shape{2, 3, 5};
  CHECK(shape[0] == 2);
  CHECK(shape[-1] == 5);
  CHECK(shape[-3] == 2);
  CHECK_THROWS_AS(shape[3], InvalidArgument);
  CHECK_THROWS_AS(shape[-4], InvalidArgument);
}

TEST_CASE("shape: a zero among the sizes makes it empty", "[core][shape]") {
  const Shape shape{4, 0, 7};
  CHECK(shape.numel() == 0);
  CHECK(to_string(shape) == "[4, 0, 7]");
}

TEST_CASE("shape: negative sizes are refused", "[core][shape]") {
  CHECK_THROWS_AS(Shape({2, -1}), InvalidArgument);
  CHECK_THROWS_AS(Shape({INT64_MIN}), InvalidArgument);
}

TEST_CASE("shape: eight axes are the most", "[core][shape]") {
  const std::vector<std::int64_t> eight(8, 2), nine(9, 1);
  CHECK(Shape(std::span<const std::int64_t>(eight)).numel() == 256);
  CHECK_THROWS_AS(Shape(std::span<const std::int64_t>(nine)), InvalidArgument);
}

TEST_CASE("shape: a product that does not fit 64 bits is refused", "[core][shape]") {
  const std::int64_t big = std::int64_t{1} << 32;
  CHECK_THROWS_AS(Shape({big, big}), InvalidArgument);
  CHECK_THROWS_AS(Shape({INT64_MAX, 2}), InvalidArgument);
  CHECK(Shape({INT64_MAX}).numel() == INT64_MAX);
  CHECK(Shape({big, big >> 2, 1}).numel() == std::int64_t{1} << 62);
}

TEST_CASE("shape: a zero does not hide an overflow of the other sizes", "[core][shape]") {
  const std::int64_t big = std::int64_t{1} << 32;
  CHECK_THROWS_AS(Shape({0, big, big}), InvalidArgument);
  CHECK_THROWS_AS(Shape({big, big, 0}), InvalidArgument);
}

TEST_CASE("shape: with() replaces one size and checks the result", "[core][shape]") {
  const Shape shape{2, 3};
  CHECK(shape.with(1, 7) == Shape{2, 7});
  CHECK(shape.with(-2, 0) == Shape{0, 3});
  CHECK(shape == Shape{2, 3});
  CHECK_THROWS_AS(shape.with(2, 1), InvalidArgument);
  CHECK_THROWS_AS(shape.with(0, -1), InvalidArgument);
  CHECK_THROWS_AS(shape.with(0, INT64_MAX), InvalidArgument);
}

TEST_CASE("shape: equality needs the same rank", "[core][shape]") {
  CHECK(Shape{2, 3} != Shape{3, 2});
  CHECK(Shape{2, 3} != Shape{2, 3, 1});
  CHECK(Shape{1} != Shape{});
}
