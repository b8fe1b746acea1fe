// The environment of PyTorch's pickles: storages by key, modules by class.
#pragma once

#include "core/mapped_file.h"
#include "serialization/pickle/builder.h"
#include "serialization/pth/torch_objects.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

namespace lamina::serialization {

class TorchEnvironment : public pickle::Environment {
 public:
  explicit TorchEnvironment(std::shared_ptr<MappedFile> file) : file_(std::move(file)) {}

  /// More keys than any file needs; each takes memory that the file does not pay for.
  static constexpr std::size_t kMaxStorages = std::size_t{1} << 16;

  bool know(pickle::Global& global) override;
  /// ('storage', type, key, location, numel[, view]) or ('module', class, file, source text).
  pickle::Value persistent_load(pickle::Builder& builder, const pickle::Value& id) override;
  void set_state(pickle::Builder& builder, pickle::Object& object,
                 const pickle::Value& state) override;

  /// The entry for a key, made where there is none yet. Throws FormatError limit.
  StorageBytes& storage(const pickle::ByteCursor& cursor, std::string key);
  /// Nullptr where no pickle has named it.
  StorageBytes* find(const std::string& key);

  /// The object of a legacy file that stands inside a pickle as bytes; its storages are apart from
  /// those of the file around it. Throws FormatError limit where that goes too deep.
  pickle::Value load_nested(pickle::Builder& builder, std::span<const std::byte> bytes,
                            const std::shared_ptr<void>& owner);
  /// The key of the file itself for one that a pickle names.
  std::string full_key(const std::string& key) const { return key_prefix_ + key; }
  const std::shared_ptr<MappedFile>& file() const { return file_; }

 private:
  pickle::Value load_storage(pickle::Builder& builder, std::span<const pickle::Value> id);

  std::shared_ptr<MappedFile> file_;
  std::unordered_map<std::string, std::unique_ptr<StorageBytes>> storages_;
  std::string key_prefix_;
  int nested_count_ = 0;
};

/// For pickles of numbers and lists alone: every global and persistent id is refused.
class PlainEnvironment : public pickle::Environment {
 public:
  bool know(pickle::Global&) override { return false; }
  pickle::Value persistent_load(pickle::Builder& builder, const pickle::Value& id) override;
  void set_state(pickle::Builder& builder, pickle::Object& object,
                 const pickle::Value& state) override;
};

}  // namespace lamina::serialization
