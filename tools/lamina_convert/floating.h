// Converting the floating tensors of a state dict.
#pragma once

#include <lamina/core/state_dict.h>

#include <cstdint>

namespace lamina::tools {

/// Values that were finite and are not any more: too large for the new type.
struct Overflow {
  std::int64_t values = 0;
  std::string first_tensor;  ///< where the first of them are
};

/// Every floating tensor becomes one of `dtype`, whatever byte of a mapped file it begins at
/// (LoadOptions::unaligned). In place, so that of a tensor in memory only one form is there at a
/// time; tensors on the same bytes share what they become.
Overflow convert_floating(StateDict& tensors, DType dtype);

}  // namespace lamina::tools
