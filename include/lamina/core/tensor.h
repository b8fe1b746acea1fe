// A dense n-dimensional array: a view (shape, strides, offset) of a storage that may be shared with
// other tensors, a mapped file, or memory of the caller's.
//
// Copying a Tensor copies the handle, not the elements, and never allocates. Reading one tensor
// from several threads is safe; writing is not.
//
//   Tensor x = Tensor::zeros({1, 3, 224, 224});
//   x.mutable_data<float>()[0] = 1.0f;
//   Tensor first = x.select(0, 0);          // [3, 224, 224], shares x's storage
#pragma once

#include <lamina/core/device.h>
#include <lamina/core/dtype.h>
#include <lamina/core/export.h>
#include <lamina/core/shape.h>

#include <array>
#include <memory>
#include <span>
#include <vector>

namespace lamina {

class Storage;

class LAMINA_API Tensor {
 public:
  using Strides = std::array<std::int64_t, Shape::kMaxRank>;  ///< in elements

  Tensor() = default;  ///< undefined: no storage, shape [0]-like; defined() is false

  /// Uninitialised memory, aligned to 64 bytes. Throws InvalidArgument, std::bad_alloc.
  static Tensor empty(const Shape& shape, DType dtype = DType::f32);
  static Tensor zeros(const Shape& shape, DType dtype = DType::f32);
  static Tensor full(const Shape& shape, float value);

  /// A copy of `values`, which must be as many as the shape says.
  template <typename T>
  static Tensor from(std::span<const T> values, const Shape& shape);
  template <typename T>
  static Tensor from(const std::vector<T>& values, const Shape& shape) {
    return from(std::span<const T>(values), shape);
  }

  /// A contiguous view of memory that `owner` keeps alive (a mapped file, a caller's buffer).
  /// Requires: `data` holds shape.numel() elements and is aligned for them (unchecked). A
  /// read-only tensor refuses mutable_data().
  static Tensor wrap(const void* data, const Shape& shape, DType dtype,
                     std::shared_ptr<void> owner);
  static Tensor wrap_mutable(void* data, const Shape& shape, DType dtype,
                             std::shared_ptr<void> owner);

  bool defined() const noexcept { return storage_ != nullptr; }
  const Shape& shape() const noexcept { return shape_; }
  std::int64_t size(int axis) const { return shape_[axis]; }
  int rank() const noexcept { return shape_.rank(); }
  std::int64_t numel() const noexcept { return shape_.numel(); }
  std::int64_t nbytes() const { return numel() * size_of(dtype_); }
  std::span<const std::int64_t> strides() const noexcept {
    return {strides_.data(), static_cast<std::size_t>(shape_.rank())};
  }
  DType dtype() const noexcept { return dtype_; }
  Device device() const noexcept;
  bool is_contiguous() const noexcept;
  bool is_read_only() const noexcept;
  bool shares_storage_with(const Tensor& other) const noexcept {
    return defined() && storage_ == other.storage_;
  }
  /// The library's own handle to the bytes.
  const std::shared_ptr<Storage>& storage() const noexcept { return storage_; }
  /// How many tensors share the storage, this one included; 0 if undefined.
  long use_count() const noexcept { return storage_.use_count(); }

  /// The first element. Throws InvalidArgument where T is not the dtype or the tensor is undefined.
  template <typename T>
  const T* data() const {
    check_dtype(dtype_of<T>);
    return static_cast<const T*>(raw_data());
  }
  /// The same for writing; throws InvalidArgument where the storage is read-only.
  template <typename T>
  T* mutable_data() {
    check_dtype(dtype_of<T>);
    return static_cast<T*>(mutable_raw_data());
  }
  const void* raw_data() const;
  void* mutable_raw_data();

  /// The elements of a contiguous tensor. Throws InvalidArgument for T that is not the dtype.
  template <typename T>
  std::span<const T> values() const {
    check_contiguous();
    return {data<T>(), static_cast<std::size_t>(numel())};
  }

  Tensor clone() const;                      ///< a contiguous copy of its own
  Tensor contiguous() const;                 ///< itself where contiguous, else a copy
  Tensor to(DType dtype) const;              ///< itself where the dtype is the same
  Tensor to(Device device) const;            ///< itself where the device is the same
  Tensor reshape(const Shape& shape) const;  ///< a view where contiguous, else a copy
  /// Elements [begin, end) of one axis; a view.
  Tensor slice(int axis, std::int64_t begin, std::int64_t end) const;
  /// One index of an axis, which disappears; a view.
  Tensor select(int axis, std::int64_t index) const;
  /// Two axes exchanged; a view.
  Tensor transpose(int a, int b) const;
  /// A view with any strides and offset (in elements) into the same storage; what pickled tensors
  /// are. Throws InvalidArgument where an element would lie outside the storage. The strides of
  /// axes of one element, which say nothing, are replaced by those of a contiguous tensor.
  Tensor as_strided(const Shape& shape, std::span<const std::int64_t> strides,
                    std::int64_t offset) const;

 private:
  Tensor(std::shared_ptr<Storage> storage, const Shape& shape, DType dtype);
  void check_dtype(DType expected) const;
  void check_contiguous() const;

  std::shared_ptr<Storage> storage_;
  Shape shape_{0};
  Strides strides_{};
  std::int64_t offset_ = 0;  // in elements
  DType dtype_ = DType::f32;
};

/// Same shape, dtype and bits of every element (so NaN equals the same NaN, and 0 differs from -0).
LAMINA_API bool equal_bits(const Tensor& a, const Tensor& b);

/// How far two tensors of one shape are apart, computed in double over any numeric dtypes.
struct Difference {
  double max_abs = 0;            ///< largest |a - b|; NaN where exactly one of the two is NaN
  double max_abs_reference = 0;  ///< largest |b|
  double cosine = 1;             ///< of the two as vectors; 1 where both are zero, 0 where one is
  std::int64_t differing = 0;    ///< elements whose values differ
  std::int64_t worst_index = 0;  ///< flat index of the largest difference
};
/// Throws InvalidArgument where the shapes differ.
LAMINA_API Difference difference(const Tensor& a, const Tensor& b);

/// |a - b| <= atol + rtol * |b| for every element; NaN never passes.
LAMINA_API bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8);

template <typename T>
Tensor Tensor::from(std::span<const T> values, const Shape& shape) {
  return wrap(values.data(), Shape{static_cast<std::int64_t>(values.size())}, dtype_of<T>, nullptr)
      .reshape(shape)
      .clone();
}

}  // namespace lamina
