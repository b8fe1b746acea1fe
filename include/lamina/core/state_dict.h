// An ordered map from dotted names to tensors: what a model's parameters are called and hold, and
// the only thing that models and files know of each other.
//
// Order is the order of insertion, as in PyTorch. Entries share storage with whatever the tensors
// came from: a model's parameters, or a mapped file.
#pragma once

#include <lamina/core/export.h>
#include <lamina/core/tensor.h>

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lamina {

class LAMINA_API StateDict {
 public:
  using Entry = std::pair<std::string, Tensor>;

  StateDict() = default;

  std::size_t size() const noexcept { return entries_.size(); }
  bool empty() const noexcept { return entries_.empty(); }
  auto begin() const noexcept { return entries_.begin(); }
  auto end() const noexcept { return entries_.end(); }

  bool contains(std::string_view name) const;
  /// The tensor, or nullptr.
  const Tensor* find(std::string_view name) const;
  /// Throws InvalidArgument where there is none; the hint is the nearest name.
  const Tensor& at(std::string_view name) const;
  const Tensor& operator[](std::string_view name) const { return at(name); }

  /// Appends. Throws InvalidArgument for a name that is there already.
  void insert(std::string name, Tensor tensor);
  /// Appends, or replaces in place.
  void set(std::string name, Tensor tensor);
  /// Does nothing where there is none.
  void erase(std::string_view name);

  /// Sum of nbytes() over the entries; shared storage counts as often as it is named.
  std::int64_t nbytes() const;

  /// Free strings beside the tensors (safetensors' `__metadata__`).
  std::map<std::string, std::string>& metadata() noexcept { return metadata_; }
  const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }

 private:
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> index_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace lamina
