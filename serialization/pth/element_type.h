// PyTorch's element types, those that Lamina has and those it can only name.
#pragma once

#include <lamina/core/dtype.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace lamina::serialization {

struct ElementType {
  std::string_view name;     ///< torch.float32
  std::string_view storage;  ///< torch.FloatStorage, without the last word; empty: none
  std::int64_t size_bytes;
  std::optional<DType> dtype;  ///< of quantised types, the integers' own
  bool quantised = false;
};

/// The type of a class `torch.FloatStorage`, `torch.FloatTensor` or of `torch.float32`; nullptr for
/// any other name.
const ElementType* element_type_named(std::string_view name);

/// PyTorch's own type of those elements.
const ElementType& element_type_of(DType dtype);

}  // namespace lamina::serialization
