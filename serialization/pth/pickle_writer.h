// Pickles of protocol 2, as torch.save writes them: the few opcodes that tensors need.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace lamina::serialization {

/// Each call appends what pushes one object on the unpickler's stack, or what combines those that
/// are there.
///
///   PickleWriter pickle;
///   pickle.global("collections", "OrderedDict");
///   pickle.tuple({});
///   pickle.reduce();                            // OrderedDict()
///   const std::string bytes = pickle.finish();
class PickleWriter {
 public:
  PickleWriter();

  /// A function or class by name. Globals and texts that were written before are taken from the
  /// memo, as Python's pickler does for one object met twice.
  void global(std::string_view module, std::string_view name);
  void text(std::string_view utf8);
  void integer(std::int64_t value);
  void boolean(bool value);
  /// A tuple of integers.
  void tuple(std::span<const std::int64_t> values);

  /// What is pushed from here on is one group, for end_tuple() or end_items() to close.
  void mark();
  void end_tuple();
  /// The group, key and value by turns, goes into the dict below it.
  void end_items();
  /// The callable and the tuple on top become the call's result.
  void reduce();
  /// The object on top becomes what the file's reader knows under that id.
  void persistent_id();

  /// The bytes, complete; the writer is of no more use.
  std::string finish();

 private:
  void once(const std::string& encoded);

  std::string bytes_;
  std::map<std::string, std::uint32_t> memo_;  // by what pushes the object
};

}  // namespace lamina::serialization
