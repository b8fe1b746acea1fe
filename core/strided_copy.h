// Moving elements: between strides, and between dtypes.
#pragma once

#include <lamina/core/dtype.h>
#include <lamina/core/shape.h>

#include <cstdint>
#include <span>

namespace lamina::detail {

/// Gathers a strided view into contiguous memory; strides are in elements.
void copy_strided(const void* source, std::span<const std::int64_t> strides, const Shape& shape,
                  std::int64_t element_bytes, void* target);

/// Converts `count` contiguous elements. Floating to integer truncates toward zero and saturates
/// (NaN becomes 0); an integer that does not fit loses its high bits; anything but 0 becomes true;
/// every dtype rounds once, to nearest even, to f16 and bf16 too. Bools are read as bytes, so that
/// a file's 2 is true and no undefined behaviour.
void convert(const void* source, DType source_dtype, void* target, DType target_dtype,
             std::int64_t count);

}  // namespace lamina::detail
