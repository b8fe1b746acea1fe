// From what a pickle says of a tensor to a tensor: every number checked against the bytes.
#pragma once

#include "core/mapped_file.h"
#include "serialization/pth/torch_objects.h"

#include <lamina/core/tensor.h>
#include <lamina/serialization/load.h>

#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace lamina::serialization {

class TensorMaker {
 public:
  /// Fills in a storage's bytes, or leaves it not found.
  using Find = std::function<void(StorageBytes& storage)>;

  TensorMaker(std::shared_ptr<MappedFile> file, Find find, const LoadOptions& options)
      : file_(std::move(file)), find_(std::move(find)), options_(options) {}

  /// A view of the file where its bytes lie as a tensor's must, else a copy. Tensors of one storage
  /// share it, also as copies. `name` is for messages.
  /// Errors:   FormatError: out_of_bounds, overflow, limit, bad_field; Unsupported
  Tensor make(const TensorObject& tensor, std::string_view name);
  Tensor make(const ArrayObject& array, std::string_view name);

 private:
  struct Place {
    DType dtype;
    Shape shape;
    std::span<const std::int64_t> strides;
    std::int64_t offset;  // in elements, from the first byte of the storage
  };

  Tensor make_stored(const TensorObject& tensor, std::string_view name, bool aligned);
  Tensor dequantised(const TensorObject& tensor, const Tensor& stored, std::string_view name);
  Place checked_place(const TensorObject& tensor, DType dtype, std::string_view name) const;
  void resolve(StorageBytes& storage, std::string_view name);
  const Tensor& elements(const StorageBytes& storage, DType dtype, bool aligned);
  std::span<const std::byte> aligned_bytes(const StorageBytes& storage, std::int64_t unit);
  void report(std::int64_t bytes);

  std::shared_ptr<MappedFile> file_;
  Find find_;
  const LoadOptions& options_;
  std::int64_t done_ = 0;
  std::unordered_map<const StorageBytes*, Tensor> copies_;  // of bytes, aligned
  std::map<std::pair<const StorageBytes*, DType>, Tensor> elements_;
  std::map<std::string, Tensor> made_;  // contiguous copies of strided views, by their description
};

}  // namespace lamina::serialization
