#include "core/strided_copy.h"

#include "core/visit_dtype.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace lamina::detail {
namespace {

bool is_dense(std::span<const std::int64_t> strides, const Shape& shape) {
  std::int64_t expected = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    if (shape[axis] != 1 && strides[static_cast<std::size_t>(axis)] != expected) return false;
    expected *= shape[axis];
  }
  return true;
}

void gather(const std::byte* source, std::span<const std::int64_t> strides, const Shape& shape,
            int axis, std::int64_t element_bytes, std::byte*& target) {
  if (axis == shape.rank()) {
    std::memcpy(target, source, static_cast<std::size_t>(element_bytes));
    target += element_bytes;
    return;
  }
  const std::int64_t step = strides[static_cast<std::size_t>(axis)] * element_bytes;
  for (std::int64_t i = 0; i < shape[axis]; ++i) {
    gather(source + i * step, strides, shape, axis + 1, element_bytes, target);
  }
}

// A float which rounds to 16 bits as `value` itself would: the bit below the last, where anything
// was lost, is 1 (rounding to odd), so that no tie is seen where there was none.
float sticky_float(double value) {
  const float rounded = static_cast<float>(value);
  if (static_cast<double>(rounded) == value || !std::isfinite(rounded)) return rounded;
  const bool away = std::abs(static_cast<double>(rounded)) > std::abs(value);
  const auto bits = std::bit_cast<std::uint32_t>(rounded) - (away ? 1u : 0u);
  return std::bit_cast<float>(bits | 1u);
}

// The same for what double cannot hold: bits under its 53 become one that says so.
double sticky_double(std::int64_t value) {
  constexpr std::int64_t kLost = (std::int64_t{1} << 10) - 1;
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  if (value >= -kExact && value <= kExact) return static_cast<double>(value);
  return static_cast<double>((value & ~kLost) | ((value & kLost) != 0 ? kLost + 1 : 0));
}

template <typename From>
float to_sticky_float(From from) {
  if constexpr (std::is_same_v<From, std::int64_t>) {
    return sticky_float(sticky_double(from));
  } else {
    return sticky_float(static_cast<double>(from));
  }
}

template <typename To, typename From>
To convert_one(From from) {
  if constexpr (std::is_same_v<To, From>) {
    return from;
  } else if constexpr (std::is_same_v<From, Half> || std::is_same_v<From, BFloat16>) {
    return convert_one<To>(to_float(from));
  } else if constexpr (std::is_same_v<To, Half>) {
    return to_half(to_sticky_float(from));
  } else if constexpr (std::is_same_v<To, BFloat16>) {
    return to_bfloat16(to_sticky_float(from));
  } else if constexpr (std::is_same_v<To, bool>) {
    return from != From{};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (std::isnan(from)) return To{0};
    // The limits of the integer types, as powers of two, are exact in double; int64's upper one is
    // 2^63, the first value that does not fit.
    const double value = static_cast<double>(from);
    const double above = std::ldexp(1.0, std::numeric_limits<To>::digits);
    if (value >= above) return std::numeric_limits<To>::max();
    if (value <= static_cast<double>(std::numeric_limits<To>::min())) {
      return std::numeric_limits<To>::min();
    }
    return static_cast<To>(value);
  } else {
    return static_cast<To>(from);
  }
}

template <typename T>
T element(const void* source, std::int64_t i) {
  if constexpr (std::is_same_v<T, bool>) {
    return static_cast<const std::uint8_t*>(source)[i] != 0;
  } else {
    return static_cast<const T*>(source)[i];
  }
}

}  // namespace

void copy_strided(const void* source, std::span<const std::int64_t> strides, const Shape& shape,
                  std::int64_t element_bytes, void* target) {
  if (shape.numel() == 0) return;
  if (is_dense(strides, shape)) {
    std::memcpy(target, source, static_cast<std::size_t>(shape.numel() * element_bytes));
    return;
  }
  auto* out = static_cast<std::byte*>(target);
  gather(static_cast<const std::byte*>(source), strides, shape, 0, element_bytes, out);
}

void convert(const void* source, DType source_dtype, void* target, DType target_dtype,
             std::int64_t count) {
  visit_dtype(source_dtype, [&]<typename From>(std::type_identity<From>) {
    visit_dtype(target_dtype, [&]<typename To>(std::type_identity<To>) {
      To* to = static_cast<To*>(target);
      for (std::int64_t i = 0; i < count; ++i) to[i] = convert_one<To>(element<From>(source, i));
    });
  });
}

}  // namespace lamina::detail
