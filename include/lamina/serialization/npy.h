// NumPy's .npy files: one array each.
#pragma once

#include <lamina/core/dtype.h>
#include <lamina/core/export.h>
#include <lamina/core/shape.h>
#include <lamina/core/tensor.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace lamina::serialization {

/// Reads an array, as a view of the mapped file where its bytes stand as a tensor's do; Fortran
/// order and big-endian elements are copied into ours.
/// Types:    float16/32/64, int8/16/32/64, uint8, bool
/// Errors:   IoError; FormatError (unknown_dtype for NumPy's other types; object arrays, which are
///           pickles, are among those).
LAMINA_API Tensor load_npy(const std::filesystem::path& path);

/// Writes an array, byte for byte as numpy.save does.
/// Errors:   InvalidArgument for an undefined tensor; Unsupported for bf16, which NumPy lacks;
///           IoError.
LAMINA_API void save_npy(const Tensor& tensor, const std::filesystem::path& path);

/// Writes an array whose number of rows is known only at the end: the outputs of a long job, say.
/// The file appears, whole, at commit(); without it nothing is left behind.
///
///   NpyWriter writer("logits.npy", DType::f32, {1000});
///   while (...) writer.append(session.run(batch));      // [n, 1000], any n
///   writer.commit();
class LAMINA_API NpyWriter {
 public:
  /// `row_shape` is the shape of one row; the array is [rows, ...row_shape].
  /// Errors:   Unsupported for bf16; InvalidArgument for a rank beyond what a Shape has; IoError.
  NpyWriter(const std::filesystem::path& path, DType dtype, const Shape& row_shape);
  ~NpyWriter();
  NpyWriter(NpyWriter&&) noexcept;
  NpyWriter& operator=(NpyWriter&&) noexcept;

  /// Appends rows: a tensor of [n, ...row_shape], or a single row of row_shape. Throws
  /// InvalidArgument for another shape or dtype.
  void append(const Tensor& rows);
  /// Appends rows as bytes, a whole number of them. Throws InvalidArgument for any other number.
  void append(std::span<const std::byte> rows);

  std::int64_t rows() const noexcept;

  /// Puts the number of rows into the header and the file in its place.
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lamina::serialization
