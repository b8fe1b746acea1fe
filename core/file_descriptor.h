// A file descriptor that closes itself, and the error that names a path and errno's text.
#pragma once

#include <lamina/core/error.h>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <unistd.h>

namespace lamina {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) noexcept : fd_(fd) {}
  ~FileDescriptor() { reset(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    reset();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }

  explicit operator bool() const noexcept { return fd_ >= 0; }
  int get() const noexcept { return fd_; }
  void reset() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

/// Throws IoError "<what>: No such file or directory: <path>", from errno.
[[noreturn]] inline void throw_errno(const char* what, const std::filesystem::path& path) {
  throw IoError(fmt::format("{}: {}: {}", what, std::strerror(errno), path.string()));
}

}  // namespace lamina
