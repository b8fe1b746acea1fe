// torch.save of 2016 and 2017: a tar with a list of storages, a list of tensors, and a pickle.
#pragma once

#include "serialization/pth/torch_environment.h"

#include <lamina/core/shape.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

namespace lamina::serialization {

class TarReader : public TorchEnvironment {
 public:
  /// Errors: those of read_tar(). The arena, which must outlive the reader, takes all values.
  TarReader(std::shared_ptr<MappedFile> file, pickle::Arena& arena);

  /// The object, its tensors' storages filled in. Errors: FormatError, also for a member that is
  /// missing; those of Unpickler.
  pickle::Value read();

  /// Persistent ids of this kind are the keys of listed tensors.
  pickle::Value persistent_load(pickle::Builder& builder, const pickle::Value& id) override;

 private:
  pickle::ByteCursor open(const char* member) const;
  pickle::Value load(pickle::ByteCursor& cursor);
  std::int64_t load_count(pickle::ByteCursor& cursor);
  std::array<pickle::Value, 3> load_entry(pickle::ByteCursor& cursor);
  std::string key_of(const pickle::ByteCursor& cursor, const pickle::Value& key) const;
  void read_storages();
  void read_views(pickle::ByteCursor& cursor);
  void read_tensors();

  pickle::Arena& arena_;
  std::map<std::string, std::span<const std::byte>> members_;
  std::map<std::string, StorageObject*> listed_storages_;
  std::map<std::string, TensorObject*> listed_tensors_;
};

}  // namespace lamina::serialization
