// What PyTorch's and NumPy's calls in a pickle stand for.
#pragma once

#include "serialization/pickle/value.h"
#include "serialization/pth/element_type.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace lamina::serialization {

/// The bytes that a file keeps under one key. In some kinds of file they come behind the pickle
/// that speaks of them.
struct StorageBytes {
  std::string key;
  std::span<const std::byte> bytes;
  std::shared_ptr<void> owner;
  bool found = false;
  /// The type that the file names first, which in old files tells how many bytes there are.
  const ElementType* type = nullptr;
};

struct StorageObject : pickle::Object {
  static constexpr pickle::ObjectKind kKind = pickle::ObjectKind::storage;
  StorageObject() : Object{kKind} {}
  StorageBytes* bytes = nullptr;
  const ElementType* type = nullptr;
  std::int64_t offset = 0;  ///< in elements: a view of another storage (old files)
  std::int64_t numel = 0;
};

struct TensorObject;

/// value = (q - zero_point) * scale, for all elements or for each index of one axis.
struct Quantiser {
  double scale = 1;
  std::int64_t zero_point = 0;
  const TensorObject* scales = nullptr;  ///< per channel, with zero_points and axis
  const TensorObject* zero_points = nullptr;
  std::int64_t axis = 0;
};

struct TensorObject : pickle::Object {
  static constexpr pickle::ObjectKind kKind = pickle::ObjectKind::tensor;
  TensorObject() : Object{kKind} {}
  const StorageObject* storage = nullptr;
  const ElementType* type = nullptr;
  std::int64_t offset = 0;  ///< in elements
  std::span<const std::int64_t> shape, strides;
  const Quantiser* quantiser = nullptr;
  const char* unsupported = nullptr;  ///< "sparse": known, but nothing Lamina can hold
};

/// A NumPy array; `data` is null until its state was set, and where its elements are objects.
struct ArrayObject : pickle::Object {
  static constexpr pickle::ObjectKind kKind = pickle::ObjectKind::array;
  ArrayObject() : Object{kKind} {}
  std::string_view type;  ///< "<f4", as NumPy writes it
  std::span<const std::int64_t> shape;
  bool fortran_order = false;
  pickle::Value data;  ///< bytes, or a call of _codecs.encode on them
};

}  // namespace lamina::serialization
