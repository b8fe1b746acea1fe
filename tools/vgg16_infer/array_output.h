// Arrays of a run that grow by a batch at a time: logits, inputs, features. Memory does not grow
// with the number of images.
#pragma once

#include "core/file_descriptor.h"

#include <lamina/core/state_dict.h>
#include <lamina/core/tensor.h>
#include <lamina/serialization/npy.h>

#include <optional>
#include <string>
#include <vector>

namespace lamina::tools {

/// One .npy file, made with the first rows. Errors: OutputError; UsageError where later rows have
/// another shape.
class NpyOutput {
 public:
  explicit NpyOutput(std::string path) : path_(std::move(path)) {}

  void append(const Tensor& rows);
  /// Puts the file in its place. Without rows there is none: false.
  bool finish();

 private:
  std::string path_;
  Shape row_;
  std::optional<serialization::NpyWriter> writer_;
};

/// Several arrays for one .safetensors file. How long each is shows at the end only, so rows are
/// kept in unnamed files beside the target until then.
class SafetensorsOutput {
 public:
  SafetensorsOutput(std::string path, const std::vector<std::string>& names);

  void append(std::size_t index, const Tensor& rows);
  bool finish();

 private:
  struct Spool {
    std::string name;
    FileDescriptor file;
    Shape row;
    std::int64_t rows = 0, bytes = 0;
  };
  Tensor mapped(const Spool& spool) const;

  std::string path_;
  std::vector<Spool> spools_;
};

/// The shape of one row of [n, …].
Shape row_shape(const Shape& rows);

}  // namespace lamina::tools
