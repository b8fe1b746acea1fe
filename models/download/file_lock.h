// A lock between processes and threads that would write the same file.
#pragma once

#include "core/file_descriptor.h"

#include <filesystem>
#include <functional>

namespace lamina::models::detail {

/// Holds flock(2) on a file of its own, which is made and, when the lock is let go, removed. The
/// kernel lets go for a process that dies. Where the file system knows no locks there is none: the
/// checksum at the end notices what two writers did.
class FileLock {
 public:
  /// Waits. `waiting` is called once where another holds the lock, then `tick` many times a second;
  /// what they throw ends the wait. Throws IoError where the file cannot be made.
  FileLock(std::filesystem::path path, const std::function<void()>& waiting,
           const std::function<void()>& tick);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  bool try_lock();
  bool is_still_there() const;

  std::filesystem::path path_;
  FileDescriptor file_;
};

}  // namespace lamina::models::detail
