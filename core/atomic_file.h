// Writing a file so that a crash leaves the old one or none, never a part of a new one.
#pragma once

#include "core/file_descriptor.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace lamina {

/// Bytes go to a temporary name beside the target, "TARGET.1234.0.tmp"; commit() syncs it to the
/// disk and renames it. An object destroyed without commit() removes what it wrote; what a process
/// left that was killed goes when the same target is written next. Living writers hold a lock on
/// their file, which tells theirs from those, other machines' on a network file system included.
///
///   AtomicFile file("model.lamina");
///   file.write(bytes);
///   file.commit();
class AtomicFile {
 public:
  /// Throws IoError, naming the target, where its folder cannot be written. A target that is a
  /// symbolic link is followed: the file it names is made or replaced, the link stays. A target
  /// that is no file but a pipe or a device (/dev/stdout, /dev/null) is written directly, in order.
  explicit AtomicFile(const std::filesystem::path& target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends. Throws IoError (a full disk, say).
  void write(std::span<const std::byte> bytes);
  /// Appends zeros until the position is a multiple of `alignment`.
  void pad_to(std::int64_t alignment);
  /// Replaces bytes already written, at `offset`; the position does not move. Throws IoError for a
  /// pipe, which has no way back.
  void write_at(std::int64_t offset, std::span<const std::byte> bytes);
  std::int64_t position() const noexcept { return position_; }

  /// Syncs and renames. The target keeps the permissions, and where we may set it the owner, of the
  /// file it replaces; a new one gets what the umask says. Throws IoError; the target is then as it
  /// was.
  void commit();

 private:
  void open_temporary();
  void start_writeback();
  bool direct() const noexcept { return temporary_.empty(); }
  template <typename WriteSome>
  void write_fully(std::span<const std::byte> bytes, WriteSome write_some);

  std::filesystem::path target_, temporary_;
  FileDescriptor file_;
  std::int64_t position_ = 0;
  std::int64_t writeback_from_ = 0;  // the disk has not been asked to write what follows
};

}  // namespace lamina
