// torch.save since 1.6, and torch.jit.save: a zip of a pickle and the storages.
#pragma once

#include "core/mapped_file.h"
#include "serialization/pth/torch_environment.h"
#include "serialization/zip_reader.h"

#include <memory>
#include <string>

namespace lamina::serialization {

class PthZip {
 public:
  /// Finds the pickle. Errors: those of ZipReader; FormatError bad_field where there is no data.pkl
  /// or more than one; Unsupported for PyTorch's other archives, by name.
  explicit PthZip(std::shared_ptr<MappedFile> file);

  /// The object; storages are found by fill().
  pickle::Value read(pickle::Arena& arena, TorchEnvironment& environment);

  /// The bytes of a storage: a view of the file where they are stored, else inflated. `check`
  /// compares their CRC-32; inflated ones always are.
  void fill(StorageBytes& storage, bool check) const;

  bool contains(const std::string& member) const { return zip_.find(folder_ + member) != nullptr; }

 private:
  void find_pickle();
  void find_byte_order();

  ZipReader zip_;
  std::string folder_;  // "archive/"
  bool big_endian_ = false;
  ZipContent pickle_;  // the values of read() point into it
};

}  // namespace lamina::serialization
