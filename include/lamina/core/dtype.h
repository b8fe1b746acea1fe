// Element types. The short names are those of the container's manifest.
#pragma once

#include <lamina/core/export.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace lamina {

enum class DType : std::uint8_t { f32, f64, f16, bf16, i8, u8, i16, i32, i64, boolean };

/// Bytes of one element.
LAMINA_API std::int64_t size_of(DType dtype);

/// "f32", "f64", "f16", "bf16", "i8", "u8", "i16", "i32", "i64", "bool".
LAMINA_API const char* to_string(DType dtype);

/// The inverse of to_string; nothing where the name is unknown.
LAMINA_API std::optional<DType> parse_dtype(std::string_view name);

LAMINA_API bool is_floating(DType dtype);

/// IEEE binary16 and bfloat16 as bare bits: storage types, converted to float for arithmetic.
struct Half {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};

/// Conversions round to nearest, ties to even; NaN stays NaN; overflow becomes infinity.
LAMINA_API float to_float(Half value);
LAMINA_API float to_float(BFloat16 value);
LAMINA_API Half to_half(float value);
LAMINA_API BFloat16 to_bfloat16(float value);

/// The dtype that a C++ type is stored as: dtype_of<float> is DType::f32.
template <typename T>
inline constexpr DType dtype_of = T::no_such_dtype;
template <>
inline constexpr DType dtype_of<float> = DType::f32;
template <>
inline constexpr DType dtype_of<double> = DType::f64;
template <>
inline constexpr DType dtype_of<Half> = DType::f16;
template <>
inline constexpr DType dtype_of<BFloat16> = DType::bf16;
template <>
inline constexpr DType dtype_of<std::int8_t> = DType::i8;
template <>
inline constexpr DType dtype_of<std::uint8_t> = DType::u8;
template <>
inline constexpr DType dtype_of<std::int16_t> = DType::i16;
template <>
inline constexpr DType dtype_of<std::int32_t> = DType::i32;
template <>
inline constexpr DType dtype_of<std::int64_t> = DType::i64;
template <>
inline constexpr DType dtype_of<bool> = DType::boolean;

}  // namespace lamina
