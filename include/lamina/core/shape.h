// The sizes of a tensor, outermost first. Stored inline: making, copying or comparing one never
// allocates.
#pragma once

#include <lamina/core/export.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace lamina {

/// Up to kMaxRank sizes, each >= 0, whose product fits int64; construction throws InvalidArgument
/// otherwise, so a Shape that exists is one that can be multiplied out.
class LAMINA_API Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;  ///< rank 0: one element
  Shape(std::initializer_list<std::int64_t> sizes);
  explicit Shape(std::span<const std::int64_t> sizes);

  int rank() const noexcept { return rank_; }
  /// The product of the sizes; 1 for rank 0.
  std::int64_t numel() const noexcept { return numel_; }
  /// The size of one axis; a negative axis counts from the last. Throws InvalidArgument.
  std::int64_t operator[](int axis) const;

  const std::int64_t* begin() const noexcept { return sizes_.data(); }
  const std::int64_t* end() const noexcept { return sizes_.data() + rank_; }
  std::span<const std::int64_t> sizes() const noexcept { return {begin(), end()}; }

  /// The same shape with one size replaced.
  Shape with(int axis, std::int64_t size) const;

  bool operator==(const Shape& other) const noexcept;

 private:
  std::array<std::int64_t, kMaxRank> sizes_{};
  int rank_ = 0;
  std::int64_t numel_ = 1;
};

/// "[1, 3, 224, 224]"
LAMINA_API std::string to_string(const Shape& shape);

}  // namespace lamina
