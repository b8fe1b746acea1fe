// Making tensors, reading and writing them, and the views of them.
#include <lamina/core/error.h>
#include <lamina/core/tensor.h>

#include <catch2/catch.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

using namespace lamina;

namespace {

// 0, 1, 2, … in the given shape.
Tensor counting(const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(shape.numel()));
  std::iota(values.begin(), values.end(), 0.0f);
  return Tensor::from(values, shape);
}

std::vector<float> elements(const Tensor& tensor) {
  const Tensor dense = tensor.contiguous();
  const auto values = dense.values<float>();
  return {values.begin(), values.end()};
}

std::vector<std::int64_t> strides_of(const Tensor& tensor) {
  return {tensor.strides().begin(), tensor.strides().end()};
}

using Floats = std::vector<float>;
using Sizes = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("tensor: a default one is undefined, empty and harmless", "[core][tensor]") {
  Tensor none;
  CHECK_FALSE(none.defined());
  CHECK(none.numel() == 0);
  CHECK(none.nbytes() == 0);
  CHECK(none.use_count() == 0);
  CHECK(none.device() == Device{});
  CHECK_FALSE(none.is_read_only());
  CHECK_FALSE(none.shares_storage_with(none));
  CHECK_FALSE(none.clone().defined());
  CHECK_FALSE(none.to(DType::f16).defined());
  CHECK_THROWS_AS(none.raw_data(), InvalidArgument);
  CHECK_THROWS_AS(none.mutable_raw_data(), InvalidArgument);
  CHECK_THROWS_AS(none.as_strided({1}, Sizes{1}, 0), InvalidArgument);
}

TEST_CASE("tensor: memory of its own is aligned to 64 bytes, even of no element",
          "[core][tensor]") {
  for (std::int64_t size : {0, 1, 3, 1000}) {
    const Tensor tensor = Tensor::empty({size}, DType::u8);
    INFO(size);
    CHECK(reinterpret_cast<std::uintptr_t>(tensor.raw_data()) % 64 == 0);
  }
}

TEST_CASE("tensor: zeros, full and from hold what they say", "[core][tensor]") {
  CHECK(elements(Tensor::zeros({2, 2})) == Floats{0, 0, 0, 0});
  CHECK(elements(Tensor::full({3}, 2.5f)) == Floats{2.5f, 2.5f, 2.5f});
  CHECK(Tensor::full({}, 7).data<float>()[0] == 7.0f);
  const Tensor words = Tensor::from(std::vector<std::int16_t>{1, -2, 3}, {3, 1});
  CHECK(words.dtype() == DType::i16);
  CHECK(words.nbytes() == 6);
  CHECK(words.data<std::int16_t>()[1] == -2);
  CHECK_THROWS_AS(Tensor::from(Floats{1, 2, 3}, {2, 2}), InvalidArgument);
  CHECK(Tensor::from(Floats{}, {0, 5}).numel() == 0);
}

TEST_CASE("tensor: a size in bytes that does not fit 64 bits is refused", "[core][tensor]") {
  CHECK_THROWS_AS(Tensor::empty({std::int64_t{1} << 62}, DType::f64), InvalidArgument);
}

TEST_CASE("tensor: is read only as what it is", "[core][tensor]") {
  Tensor tensor = Tensor::zeros({2});
  CHECK_THROWS_AS(tensor.data<double>(), InvalidArgument);
  CHECK_THROWS_AS(tensor.values<std::int32_t>(), InvalidArgument);
  CHECK_THROWS_AS(tensor.mutable_data<Half>(), InvalidArgument);
}

TEST_CASE("tensor: a copy of the handle shares the elements, a clone does not", "[core][tensor]") {
  Tensor original = Tensor::zeros({2});
  const Tensor alias = original;
  const Tensor copy = original.clone();
  CHECK(original.use_count() == 2);
  CHECK(alias.shares_storage_with(original));
  CHECK_FALSE(copy.shares_storage_with(original));
  original.mutable_data<float>()[1] = 5;
  CHECK(alias.data<float>()[1] == 5.0f);
  CHECK(copy.data<float>()[1] == 0.0f);
}

TEST_CASE("tensor: a wrapped one keeps its owner alive and refuses writing", "[core][tensor]") {
  auto owner = std::make_shared<std::array<float, 2>>(std::array<float, 2>{1, 2});
  Tensor wrapped = Tensor::wrap(owner->data(), {2}, DType::f32, owner);
  CHECK(owner.use_count() == 2);
  CHECK(wrapped.is_read_only());
  CHECK(wrapped.data<float>() == owner->data());
  CHECK_THROWS_AS(wrapped.mutable_data<float>(), InvalidArgument);
  CHECK_THROWS_AS(wrapped.slice(0, 0, 1).mutable_raw_data(), InvalidArgument);
  CHECK_FALSE(wrapped.clone().is_read_only());
  wrapped = Tensor();
  CHECK(owner.use_count() == 1);
}

TEST_CASE("tensor: wrapped for writing, it writes the caller's memory", "[core][tensor]") {
  std::array<float, 2> memory{1, 2};
  Tensor wrapped = Tensor::wrap_mutable(memory.data(), {2}, DType::f32, nullptr);
  wrapped.mutable_data<float>()[0] = 9;
  CHECK(memory[0] == 9.0f);
}

TEST_CASE("tensor: to its own dtype and device it is itself", "[core][tensor]") {
  const Tensor tensor = Tensor::zeros({2});
  CHECK(tensor.to(DType::f32).shares_storage_with(tensor));
  CHECK(tensor.to(Device{}).shares_storage_with(tensor));
}

TEST_CASE("view: slice takes a range of one axis", "[core][view]") {
  const Tensor matrix = counting({3, 4});
  const Tensor rows = matrix.slice(0, 1, 3);
  CHECK(rows.shape() == Shape{2, 4});
  CHECK(rows.is_contiguous());
  CHECK(rows.shares_storage_with(matrix));
  CHECK(elements(rows) == Floats{4, 5, 6, 7, 8, 9, 10, 11});
  const Tensor columns = matrix.slice(-1, 1, 3);
  CHECK_FALSE(columns.is_contiguous());
  CHECK_THROWS_AS(columns.values<float>(), InvalidArgument);
  CHECK(elements(columns) == Floats{1, 2, 5, 6, 9, 10});
  CHECK(elements(columns.slice(0, 2, 3).slice(1, 1, 2)) == Floats{10});
  CHECK(matrix.slice(1, 4, 4).shape() == Shape{3, 0});
}

TEST_CASE("view: slice refuses ranges outside the axis", "[core][view]") {
  const Tensor matrix = counting({3, 4});
  CHECK_THROWS_AS(matrix.slice(0, -1, 2), InvalidArgument);
  CHECK_THROWS_AS(matrix.slice(0, 2, 1), InvalidArgument);
  CHECK_THROWS_AS(matrix.slice(0, 0, 4), InvalidArgument);
  CHECK_THROWS_AS(matrix.slice(2, 0, 1), InvalidArgument);
  CHECK_THROWS_AS(matrix.slice(-3, 0, 1), InvalidArgument);
}

TEST_CASE("view: select drops the axis", "[core][view]") {
  const Tensor cube = counting({2, 3, 4});
  CHECK(cube.select(0, 1).shape() == Shape{3, 4});
  CHECK(elements(cube.select(1, 2)) == Floats{8, 9, 10, 11, 20, 21, 22, 23});
  CHECK(elements(cube.select(-1, 0).select(0, 1)) == Floats{12, 16, 20});
  CHECK(counting({1}).select(0, 0).rank() == 0);
  CHECK_THROWS_AS(cube.select(0, 2), InvalidArgument);
  CHECK_THROWS_AS(cube.select(0, -1), InvalidArgument);
  CHECK_THROWS_AS(Tensor::zeros({}).select(0, 0), InvalidArgument);
}

TEST_CASE("view: transpose exchanges two axes", "[core][view]") {
  const Tensor matrix = counting({2, 3});
  const Tensor flipped = matrix.transpose(0, -1);
  CHECK(flipped.shape() == Shape{3, 2});
  CHECK(elements(flipped) == Floats{0, 3, 1, 4, 2, 5});
  CHECK(flipped.transpose(0, 1).is_contiguous());
  CHECK(counting({1, 5}).transpose(0, 1).is_contiguous());
  CHECK_THROWS_AS(matrix.transpose(0, 2), InvalidArgument);
}

TEST_CASE("view: transpose works where exchanging one size first would overflow", "[core][view]") {
  const std::int64_t many = std::int64_t{1} << 40;
  const Tensor broadcast = Tensor::zeros({1}, DType::u8).as_strided({1, many}, Sizes{0, 0}, 0);
  CHECK(broadcast.transpose(0, 1).shape() == Shape{many, 1});
}

TEST_CASE("view: reshape is a view where it can be, a copy where it must", "[core][view]") {
  const Tensor matrix = counting({2, 3});
  CHECK(matrix.reshape({3, 2}).shares_storage_with(matrix));
  const Tensor flat = matrix.transpose(0, 1).reshape({6});
  CHECK_FALSE(flat.shares_storage_with(matrix));
  CHECK(elements(flat) == Floats{0, 3, 1, 4, 2, 5});
  CHECK(counting({1}).reshape({}).rank() == 0);
  CHECK_THROWS_AS(matrix.reshape({4}), InvalidArgument);
}

TEST_CASE("view: a clone of a view holds only what the view shows", "[core][view]") {
  const Tensor part = counting({4, 4}).slice(1, 0, 1).clone();
  CHECK(part.is_contiguous());
  CHECK(part.nbytes() == 16);
  CHECK(elements(part) == Floats{0, 4, 8, 12});
}

TEST_CASE("as_strided: reaches any pattern inside the storage", "[core][view]") {
  const Tensor line = counting({10});
  CHECK(elements(line.as_strided({2, 3}, Sizes{4, 1}, 1)) == Floats{1, 2, 3, 5, 6, 7});
  CHECK(elements(line.as_strided({3, 2}, Sizes{0, 9}, 0)) == Floats{0, 9, 0, 9, 0, 9});
  CHECK(elements(line.as_strided({}, Sizes{}, 9)) == Floats{9});
  CHECK(elements(line.slice(0, 5, 6).as_strided({2}, Sizes{1}, 0)) == Floats{0, 1});
  CHECK(strides_of(line.as_strided({2, 3}, Sizes{4, 1}, 1)) == Sizes{4, 1});
}

TEST_CASE("as_strided: one element past the storage is refused", "[core][view]") {
  const Tensor line = counting({10});
  CHECK_NOTHROW(line.as_strided({2, 2}, Sizes{8, 1}, 0));
  CHECK_THROWS_AS(line.as_strided({2, 2}, Sizes{9, 1}, 0), InvalidArgument);
  CHECK_THROWS_AS(line.as_strided({2, 2}, Sizes{8, 1}, 1), InvalidArgument);
  CHECK_THROWS_AS(line.as_strided({}, Sizes{}, 10), InvalidArgument);
  CHECK_THROWS_AS(line.as_strided({1}, Sizes{1}, -1), InvalidArgument);
  CHECK_THROWS_AS(line.as_strided({2}, Sizes{-1}, 5), InvalidArgument);
  CHECK_THROWS_AS(line.as_strided({2}, Sizes{1, 1}, 0), InvalidArgument);
}

TEST_CASE("as_strided: an empty view may end where the storage ends, and no further",
          "[core][view]") {
  const Tensor line = counting({10});
  CHECK(line.as_strided({0}, Sizes{1}, 10).numel() == 0);
  CHECK_THROWS_AS(line.as_strided({0}, Sizes{1}, 11), InvalidArgument);
}

TEST_CASE("as_strided: numbers that overflow are refused or never used", "[core][view]") {
  const Tensor line = counting({10});
  CHECK_THROWS_AS(line.as_strided({3}, Sizes{INT64_MAX}, 0), InvalidArgument);
  CHECK_THROWS_AS(line.as_strided({2, 2}, Sizes{INT64_MAX, INT64_MAX}, 0), InvalidArgument);
  CHECK_THROWS_AS(line.as_strided({2}, Sizes{INT64_MAX}, INT64_MAX), InvalidArgument);
  CHECK_THROWS_AS(line.as_strided({INT64_MAX}, Sizes{0}, 0), InvalidArgument);
  // The stride of an axis of one element is never taken.
  const Tensor row = line.as_strided({1, 2}, Sizes{INT64_MAX, 1}, 3);
  CHECK(elements(row) == Floats{3, 4});
  CHECK(elements(row.transpose(0, 1)) == Floats{3, 4});
  CHECK(row.slice(0, 1, 1).numel() == 0);
}
