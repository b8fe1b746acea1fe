#include <lamina/core/shape.h>

#include "core/checked_math.h"
#include "core/require.h"

#include <algorithm>

namespace lamina {

Shape::Shape(std::initializer_list<std::int64_t> sizes)
    : Shape(std::span<const std::int64_t>(sizes.begin(), sizes.size())) {}

Shape::Shape(std::span<const std::int64_t> sizes) {
  LAMINA_REQUIRE(sizes.size() <= kMaxRank, "[shape] {} dimensions; at most {} are supported",
                 sizes.size(), kMaxRank);
  rank_ = static_cast<int>(sizes.size());
  // Zeros are left out of the checked product: one of them must not hide an overflow from code that
  // multiplies some of the sizes only, or in another order.
  std::int64_t nonzero_product = 1;
  for (int axis = 0; axis < rank_; ++axis) {
    const std::int64_t size = sizes[static_cast<std::size_t>(axis)];
    LAMINA_REQUIRE(size >= 0, "[shape] size {} of axis {} is negative", size, axis);
    const auto product = checked_mul(nonzero_product, std::max<std::int64_t>(size, 1));
    LAMINA_REQUIRE(product.has_value(), "[shape] the product of the sizes does not fit 64 bits");
    nonzero_product = *product;
    sizes_[static_cast<std::size_t>(axis)] = size;
    numel_ *= size;
  }
}

std::int64_t Shape::operator[](int axis) const {
  const int index = axis < 0 ? axis + rank_ : axis;
  LAMINA_REQUIRE(index >= 0 && index < rank_, "[shape] axis {} of a shape of rank {}", axis, rank_);
  return sizes_[static_cast<std::size_t>(index)];
}

Shape Shape::with(int axis, std::int64_t size) const {
  (*this)[axis];  // checks the axis
  auto sizes = sizes_;
  sizes[static_cast<std::size_t>(axis < 0 ? axis + rank_ : axis)] = size;
  return Shape(std::span<const std::int64_t>(sizes.data(), static_cast<std::size_t>(rank_)));
}

bool Shape::operator==(const Shape& other) const noexcept {
  return rank_ == other.rank_ && std::equal(begin(), end(), other.begin());
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

}  // namespace lamina
