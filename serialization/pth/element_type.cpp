#include "serialization/pth/element_type.h"

#include <algorithm>
#include <array>

namespace lamina::serialization {
namespace {

constexpr std::array kTypes{
    ElementType{"float32", "Float", 4, DType::f32},
    ElementType{"float64", "Double", 8, DType::f64},
    ElementType{"float16", "Half", 2, DType::f16},
    ElementType{"bfloat16", "BFloat16", 2, DType::bf16},
    ElementType{"int64", "Long", 8, DType::i64},
    ElementType{"int32", "Int", 4, DType::i32},
    ElementType{"int16", "Short", 2, DType::i16},
    ElementType{"int8", "Char", 1, DType::i8},
    ElementType{"uint8", "Byte", 1, DType::u8},
    ElementType{"bool", "Bool", 1, DType::boolean},
    ElementType{"qint8", "QInt8", 1, DType::i8, true},
    ElementType{"quint8", "QUInt8", 1, DType::u8, true},
    ElementType{"qint32", "QInt32", 4, DType::i32, true},
    ElementType{"quint4x2", "QUInt4x2", 1, std::nullopt, true},
    ElementType{"quint2x4", "QUInt2x4", 1, std::nullopt, true},
    ElementType{"complex32", "ComplexHalf", 4, std::nullopt},
    ElementType{"complex64", "ComplexFloat", 8, std::nullopt},
    ElementType{"complex128", "ComplexDouble", 16, std::nullopt},
    ElementType{"uint16", "", 2, std::nullopt},
    ElementType{"uint32", "", 4, std::nullopt},
    ElementType{"uint64", "", 8, std::nullopt},
    ElementType{"float8_e4m3fn", "", 1, std::nullopt},
    ElementType{"float8_e5m2", "", 1, std::nullopt},
    ElementType{"float8_e4m3fnuz", "", 1, std::nullopt},
    ElementType{"float8_e5m2fnuz", "", 1, std::nullopt},
    ElementType{"float8_e8m0fnu", "", 1, std::nullopt},
    ElementType{"float4_e2m1fn_x2", "", 1, std::nullopt},
};

}  // namespace

const ElementType* element_type_named(std::string_view name) {
  for (const std::string_view ending : {"Storage", "Tensor"}) {
    if (!name.ends_with(ending)) continue;
    name.remove_suffix(ending.size());
    // Bytes without a type; a tensor on them brings its own.
    if (name == "Untyped" || name == "_Untyped") name = "Byte";
    const auto* const found = std::ranges::find(kTypes, name, &ElementType::storage);
    return found == kTypes.end() || name.empty() ? nullptr : found;
  }
  const auto* const found = std::ranges::find(kTypes, name, &ElementType::name);
  return found == kTypes.end() ? nullptr : found;
}

const ElementType& element_type_of(DType dtype) {
  // Every dtype has one; the quantised types, which share theirs, come later.
  return *std::ranges::find(kTypes, dtype, &ElementType::dtype);
}

}  // namespace lamina::serialization
