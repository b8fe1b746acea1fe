// In what numbers CUDA kernels compute.
#pragma once

#include <cstdint>
#include <string_view>

namespace lamina::kernels::cuda {

/// What activations and packed weights hold in device memory. Biases and statistics are f32.
enum class Element {
  f32,
  tf32,  ///< f32 whose last 13 bits are zeros: whoever writes one has rounded it
  f16,
  bf16,
  e4m3,  ///< 8 bits (e4m3.h), times a scale of the whole tensor
};

/// What products are made of; sums are always float32.
enum class Precision {
  fp32,  ///< float32 multiply-adds
  tf32,
  fp16,
  bf16,
  fp8,  ///< e4m3; needs Hopper's tensor cores
};

constexpr Element element_of(Precision precision) {
  switch (precision) {
    case Precision::tf32: return Element::tf32;
    case Precision::fp16: return Element::f16;
    case Precision::bf16: return Element::bf16;
    case Precision::fp8: return Element::e4m3;
    default: return Element::f32;
  }
}

/// "fp32", "tf32", "fp16", "bf16", "fp8"; fp32 for anything else.
constexpr Precision precision_named(std::string_view name) {
  if (name == "tf32") return Precision::tf32;
  if (name == "fp16") return Precision::fp16;
  if (name == "bf16") return Precision::bf16;
  if (name == "fp8") return Precision::fp8;
  return Precision::fp32;
}

constexpr int bytes_of(Element element) {
  if (element == Element::e4m3) return 1;
  return element == Element::f32 || element == Element::tf32 ? 4 : 2;
}

}  // namespace lamina::kernels::cuda
