// The checked pointers through which emulated kernels touch memory. What each is under nvcc stands
// in language.cuh.
#pragma once

#include "kernels/cuda/emulator/block.h"
#include "kernels/cuda/emulator/global_memory.h"

#include <concepts>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace lamina::kernels::cuda {
namespace detail {

/// An index that knows the line it was written in.
struct Index {
  template <std::integral Integer>
  Index(Integer i, emulator::Where here = emulator::Where::current())
      : value(static_cast<std::int64_t>(i)), where(here) {}

  std::int64_t value;
  emulator::Where where;
};

struct GlobalSpace {
  template <int kBytes>
  static bool read(const void* address) {
    return emulator::read_global<kBytes>(address);
  }
  template <int kBytes>
  static bool write(const void* address) {
    return emulator::write_global<kBytes>(address);
  }
  static std::string complaint(bool writes, const void* address, int size) {
    return emulator::global_complaint(writes, address, size);
  }
};

struct SharedSpace {
  template <int kBytes>
  static bool read(const void* address) {
    auto& block = emulator::current_block();
    return block.shared().read(address, kBytes, block.moment());
  }
  template <int kBytes>
  static bool write(const void* address) {
    auto& block = emulator::current_block();
    return block.shared().write(address, kBytes, block.moment());
  }
  static std::string complaint(bool writes, const void* address, int size) {
    auto& block = emulator::current_block();
    return block.shared().complaint(writes, address, size, block.moment());
  }
};

/// What access by access is checked says where it was wrong.
template <typename Space>
[[noreturn, gnu::noinline, gnu::cold]] void refuse(bool writes, const void* address, int size,
                                                   std::size_t alignment, emulator::Where where) {
  if (reinterpret_cast<std::uintptr_t>(address) % alignment != 0) {
    emulator::current_block().fail(
        "misaligned access, " + std::to_string(alignment) + " bytes are asked for", where);
  }
  emulator::current_block().fail(Space::complaint(writes, address, size), where);
}

template <typename T>
bool is_aligned(const T* address) {
  return reinterpret_cast<std::uintptr_t>(address) % alignof(T) == 0;
}

template <typename T, typename Space>
class Pointer;

/// One element in memory: reading and writing it are checked.
template <typename T, typename Space>
class Reference {
 public:
  using Value = std::remove_cv_t<T>;

  Reference(T* address, emulator::Where where) : address_(address), where_(where) {}
  Reference(const Reference&) = default;

  operator Value() const {
    if (!is_aligned(address_) || !Space::template read<sizeof(T)>(address_)) [[unlikely]] {
      refuse<Space>(false, address_, sizeof(T), alignof(T), where_);
    }
    Value value;
    std::memcpy(&value, address_, sizeof(T));
    return value;
  }
  const Reference& operator=(const Value& value) const {
    static_assert(!std::is_const_v<T>);
    if (!is_aligned(address_) || !Space::template write<sizeof(T)>(address_)) [[unlikely]] {
      refuse<Space>(true, address_, sizeof(T), alignof(T), where_);
    }
    std::memcpy(address_, &value, sizeof(T));
    return *this;
  }
  const Reference& operator=(const Reference& other) const { return *this = Value(other); }
  const Reference& operator+=(const Value& value) const { return *this = Value(*this) + value; }
  Pointer<T, Space> operator&() const { return Pointer<T, Space>(address_); }

 private:
  T* address_;
  emulator::Where where_;
};

template <typename T, typename Space>
class Pointer {
 public:
  Pointer() = default;
  Pointer(T* address) : address_(address) {}
  /// To const, as plain pointers convert.
  template <typename U>
  requires std::same_as<const U, T> Pointer(const Pointer<U, Space>& other)
      : address_(other.raw()) {}

  Reference<T, Space> operator[](Index i) const { return {address_ + i.value, i.where}; }
  /// The element itself, as accessed at `where`: for the emulator's own operations.
  Reference<T, Space> at(emulator::Where where) const { return {address_, where}; }
  friend Pointer operator+(Pointer pointer, std::int64_t count) {
    return Pointer(pointer.address_ + count);
  }
  Pointer& operator+=(std::int64_t count) {
    address_ += count;
    return *this;
  }
  friend bool operator==(Pointer, Pointer) = default;
  /// Unchecked: for the emulator itself.
  T* raw() const { return address_; }

 private:
  T* address_ = nullptr;
};

}  // namespace detail

template <typename T>
using GlobalPtr = detail::Pointer<T, detail::GlobalSpace>;

template <typename T>
using SharedPtr = detail::Pointer<T, detail::SharedSpace>;

template <typename T, int kCount>
class SharedArray {
 public:
  detail::Reference<T, detail::SharedSpace> operator[](detail::Index i) {
    if (i.value < 0 || i.value >= kCount) {
      emulator::current_block().fail(
          "index " + std::to_string(i.value) + " of a shared array of " + std::to_string(kCount),
          i.where);
    }
    return data()[i];
  }
  SharedPtr<T> data() {
    auto& block = emulator::current_block();
    if (serial_ != block.serial()) {
      data_ = reinterpret_cast<T*>(block.shared().allocate(this, std::int64_t{sizeof(T)} * kCount));
      if (data_ == nullptr) block.fail("shared memory is exhausted", emulator::Where::current());
      serial_ = block.serial();
    }
    return SharedPtr<T>(data_);
  }

 private:
  T* data_ = nullptr;
  std::uint64_t serial_ = 0;
};

template <typename T>
SharedPtr<T> dynamic_shared(int offset_bytes = 0) {
  return SharedPtr<T>(
      reinterpret_cast<T*>(emulator::current_block().shared().dynamic() + offset_bytes));
}

template <typename To, typename From, typename Space>
detail::Pointer<To, Space> pointer_cast(detail::Pointer<From, Space> pointer) {
  return detail::Pointer<To, Space>(reinterpret_cast<To*>(pointer.raw()));
}

}  // namespace lamina::kernels::cuda
