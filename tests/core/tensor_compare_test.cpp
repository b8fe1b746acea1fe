#include <lamina/core/error.h>
#include <lamina/core/tensor.h>

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

using namespace lamina;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Tensor of(const std::vector<float>& values) {
  return Tensor::from(values, {static_cast<std::int64_t>(values.size())});
}

}  // namespace

TEST_CASE("equal_bits: tells zeros and NaNs apart by their bits", "[core][compare]") {
  CHECK(equal_bits(of({1, kNaN}), of({1, kNaN})));
  CHECK_FALSE(equal_bits(of({0.0f}), of({-0.0f})));
  const float other_nan = std::bit_cast<float>(std::bit_cast<std::uint32_t>(kNaN) | 1u);
  CHECK_FALSE(equal_bits(of({kNaN}), of({other_nan})));
}

TEST_CASE("equal_bits: shape, dtype and being defined count", "[core][compare]") {
  CHECK_FALSE(equal_bits(of({1, 2}), of({1, 2}).reshape({2, 1})));
  CHECK_FALSE(equal_bits(Tensor::zeros({1}), Tensor::zeros({1}, DType::i32)));
  CHECK_FALSE(equal_bits(Tensor(), Tensor::zeros({0})));
  CHECK(equal_bits(Tensor(), Tensor()));
  CHECK(equal_bits(Tensor::zeros({0}), Tensor::zeros({0})));
}

TEST_CASE("equal_bits: compares what views show, not how they are stored", "[core][compare]") {
  const Tensor matrix = of({1, 2, 3, 4}).reshape({2, 2});
  CHECK(equal_bits(matrix.transpose(0, 1), of({1, 3, 2, 4}).reshape({2, 2})));
}

TEST_CASE("difference: finds the largest and where it is", "[core][compare]") {
  const Difference apart = difference(of({1, 2, -8}), of({1, 2.5f, -7}));
  CHECK(apart.max_abs == 1.0);
  CHECK(apart.worst_index == 2);
  CHECK(apart.differing == 2);
  CHECK(apart.max_abs_reference == 7.0);
  CHECK(apart.cosine == Approx((1 + 5 + 56) / (std::sqrt(69.0) * std::sqrt(56.25))));
}

TEST_CASE("difference: equal tensors are not apart, infinities and NaNs included",
          "[core][compare]") {
  const Tensor values = of({1, kInfinity, -kInfinity, kNaN});
  const Difference apart = difference(values, values);
  CHECK(apart.max_abs == 0.0);
  CHECK(apart.differing == 0);
  CHECK(difference(Tensor::zeros({0}), Tensor::zeros({0})).cosine == 1.0);
  CHECK(difference(Tensor(), Tensor()).differing == 0);
}

TEST_CASE("difference: a NaN on one side wins over every number", "[core][compare]") {
  for (const auto& [a, b] :
       {std::pair(of({9, kNaN, 9}), of({0, 1, 0})), std::pair(of({9, 1, 9}), of({0, kNaN, 0}))}) {
    const Difference apart = difference(a, b);
    CHECK(std::isnan(apart.max_abs));
    CHECK(apart.worst_index == 1);
    CHECK(apart.differing == 3);
  }
}

TEST_CASE("difference: the cosine is 1 for two zeros and 0 for one", "[core][compare]") {
  CHECK(difference(of({0, 0}), of({0, 0})).cosine == 1.0);
  CHECK(difference(of({0, 0}), of({0, 1})).cosine == 0.0);
  CHECK(difference(of({1, 0}), of({0, 1})).cosine == 0.0);
  CHECK(difference(of({1, 2}), of({-2, -4})).cosine == Approx(-1.0));
  const Tensor huge = Tensor::from(std::vector<double>{1e150, 1e150}, {2});
  CHECK(difference(huge, huge).cosine == Approx(1.0));
}

TEST_CASE("difference: dtypes may differ, shapes may not", "[core][compare]") {
  CHECK(difference(of({1, 2}), of({1, 2}).to(DType::i8)).differing == 0);
  CHECK(difference(of({1.25f}), of({1.25f}).to(DType::f16)).max_abs == 0.0);
  CHECK_THROWS_AS(difference(of({1, 2}), of({1, 2, 3})), InvalidArgument);
}

TEST_CASE("difference: looks at every element of large tensors", "[core][compare]") {
  for (std::int64_t size : {2047, 2048, 2049, 10'000}) {
    Tensor changed = Tensor::zeros({size});
    changed.mutable_data<float>()[size - 1] = 3;
    const Difference apart = difference(changed, Tensor::zeros({size}));
    INFO(size);
    CHECK(apart.max_abs == 3.0);
    CHECK(apart.worst_index == size - 1);
    CHECK_FALSE(allclose(changed, Tensor::zeros({size})));
  }
}

TEST_CASE("allclose: the tolerance is relative to the second", "[core][compare]") {
  CHECK(allclose(of({100}), of({101}), 0.01, 0));
  CHECK_FALSE(allclose(of({102}), of({101}), 0.009, 0));
  CHECK(allclose(of({0}), of({0.5f}), 0, 0.5));
  CHECK(allclose(Tensor(), Tensor()));
}

TEST_CASE("allclose: NaN never passes, infinity only with itself", "[core][compare]") {
  CHECK_FALSE(allclose(of({kNaN}), of({kNaN}), 1, kInfinity));
  CHECK_FALSE(allclose(of({1}), of({kNaN}), 1, 1));
  CHECK(allclose(of({kInfinity}), of({kInfinity})));
  CHECK_FALSE(allclose(of({kInfinity}), of({-kInfinity}), 1, 1));
  CHECK_FALSE(allclose(of({1}), of({kInfinity}), 1, 1));
  CHECK_FALSE(allclose(of({kInfinity}), of({1}), 1, 1));
}

TEST_CASE("allclose: tensors of other shapes are not close", "[core][compare]") {
  CHECK_FALSE(allclose(of({1}), of({1, 1})));
}
