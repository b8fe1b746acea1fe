// From a run-time dtype to a compile-time type: visit_dtype(d, []<typename
// T>(std::type_identity<T>) {…}).
#pragma once

#include <lamina/core/dtype.h>

#include <cstdint>
#include <cstdlib>
#include <type_traits>

namespace lamina::detail {

template <typename F>
decltype(auto) visit_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32: return f(std::type_identity<float>{});
    case DType::f64: return f(std::type_identity<double>{});
    case DType::f16: return f(std::type_identity<Half>{});
    case DType::bf16: return f(std::type_identity<BFloat16>{});
    case DType::i8: return f(std::type_identity<std::int8_t>{});
    case DType::u8: return f(std::type_identity<std::uint8_t>{});
    case DType::i16: return f(std::type_identity<std::int16_t>{});
    case DType::i32: return f(std::type_identity<std::int32_t>{});
    case DType::i64: return f(std::type_identity<std::int64_t>{});
    case DType::boolean: return f(std::type_identity<bool>{});
  }
  std::abort();  // a DType that is none: a bug of ours
}

}  // namespace lamina::detail
