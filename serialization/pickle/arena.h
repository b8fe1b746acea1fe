// Memory for the objects of one pickle, freed all at once.
#pragma once

#include <lamina/core/error.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace lamina::serialization::pickle {

/// A pickle of a megabyte can ask for a hundred times its size in empty lists; the limit ends that.
/// Only for types that need no destructor. Throws FormatError limit.
class Arena {
 public:
  explicit Arena(std::int64_t limit_bytes) : left_bytes_(limit_bytes) {}

  template <typename T, typename... Args>
  T* make(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T))) T(std::forward<Args>(args)...);
  }

  /// Elements are value-initialised.
  template <typename T>
  std::span<T> make_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (count > kLargestArray / sizeof(T)) throw_full();
    return {new (allocate(count * sizeof(T))) T[count]{}, count};
  }

 private:
  static constexpr std::size_t kLargestArray = std::size_t{1} << 40;

  void* allocate(std::size_t size_bytes) {
    constexpr std::size_t kUnit = alignof(std::max_align_t);
    // An array of none has an address too.
    const std::size_t size = (size_bytes + kUnit) / kUnit * kUnit;
    if (size > free_.size()) refill(size);
    void* const taken = free_.data();
    free_ = free_.subspan(size);
    return taken;
  }

  void refill(std::size_t size) {
    constexpr std::size_t kBlock = std::size_t{1} << 16;
    const std::size_t block = size > kBlock ? size : kBlock;
    if (static_cast<std::int64_t>(block) > left_bytes_) throw_full();
    left_bytes_ -= static_cast<std::int64_t>(block);
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(block));
    free_ = {blocks_.back().get(), block};
  }

  [[noreturn]] static void throw_full() {
    throw FormatError(FormatErrc::limit, "its objects take more memory than a reader allows");
  }

  std::int64_t left_bytes_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::span<std::byte> free_;
};

/// A list that grows inside an arena; what it has outgrown stays there unused.
template <typename T>
class ArenaVector {
 public:
  void push_back(Arena& arena, const T& value) {
    if (size_ == capacity_) grow(arena);
    data_[size_++] = value;
  }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  const T& operator[](std::size_t i) const { return data_[i]; }

 private:
  void grow(Arena& arena) {
    const std::size_t capacity = capacity_ == 0 ? 4 : capacity_ * 2;
    const std::span<T> larger = arena.make_array<T>(capacity);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = data_[i];
    data_ = larger.data();
    capacity_ = static_cast<std::uint32_t>(capacity);
  }

  T* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace lamina::serialization::pickle
