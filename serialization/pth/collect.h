// From an unpickled object to a state dict: which tensors, under which names.
#pragma once

#include "serialization/pickle/value.h"
#include "serialization/pth/tensor_maker.h"

#include <lamina/core/error.h>
#include <lamina/core/state_dict.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace lamina::serialization {

/// There is no tensor in what was asked for.
class NoTensors : public Unsupported {
 public:
  using Unsupported::Unsupported;
};

/// Walks dicts, lists, modules and TorchScript objects; a tensor's name is its path, joined by
/// dots. A module gives its parameters, then its persistent buffers, then its children, as its own
/// state_dict() would. Objects of other classes are passed over and told of through the log.
class Collector {
 public:
  Collector(TensorMaker& maker, const std::filesystem::path& file) : maker_(maker), file_(file) {}

  /// The tensors at `key` of LoadOptions.
  /// Errors:   InvalidArgument for a key that leads nowhere; NoTensors; FormatError: bad_name,
  /// duplicate_name, limit; those of TensorMaker
  StateDict collect(const pickle::Value& root, const std::string& key);

 private:
  void walk(const pickle::Value& value, std::size_t depth);
  void walk_members(std::span<const pickle::Dict::Item> members, std::size_t depth);
  void walk_items(std::span<const pickle::Value> items, std::size_t depth);
  void walk_record(const pickle::Record& record, std::size_t depth);
  void walk_script_object(const pickle::Record& record, std::size_t depth);
  void walk_module(const pickle::Dict& state, std::size_t depth);
  void walk_named(std::string_view name, const pickle::Value& value, std::size_t depth);
  void take(const TensorObject& tensor);
  void insert(std::string name, Tensor tensor);
  void skip(const pickle::Value& value);
  void note_skipped(std::string what);
  std::string name() const;
  void tell_skipped(std::string_view taken) const;

  TensorMaker& maker_;
  const std::filesystem::path& file_;
  StateDict tensors_;
  bool everything_ = false;
  std::string path_;
  std::int64_t visited_ = 0;
  std::size_t name_bytes_ = 0;
  std::unordered_set<const pickle::Object*> open_;  // those that the walk is inside of
  std::vector<std::pair<std::string, const ArrayObject*>> arrays_;
  std::vector<std::string> skipped_;  // the first few
  std::size_t skipped_count_ = 0;
};

}  // namespace lamina::serialization
