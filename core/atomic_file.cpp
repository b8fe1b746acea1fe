#include "core/atomic_file.h"

#include <algorithm>
#include <array>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>

namespace lamina {
namespace {

namespace fs = std::filesystem;

fs::path resolved_target(const fs::path& target) {
  std::error_code error;
  if (!fs::is_symlink(fs::symlink_status(target, error))) return target;
  const fs::path resolved = fs::weakly_canonical(target, error);
  return error ? target : resolved;
}

void sync_folder(const fs::path& file) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const FileDescriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot sync a folder; the rename itself has succeeded by then.
  if (descriptor) ::fsync(descriptor.get());
}

}  // namespace

AtomicFile::AtomicFile(const fs::path& target) : target_(resolved_target(target)) {
  std::error_code error;
  if (fs::is_directory(target_, error)) {
    throw IoError(fmt::format("cannot write: Is a directory: {}", target.string()));
  }
  // The mode the target shall have: what open() would give a new file, or what it has already.
  struct stat existing {};
  const bool replaces = ::stat(target_.c_str(), &existing) == 0;
  for (int attempt = 0; attempt < 100 && !file_; ++attempt) {
    temporary_ = target_;
    temporary_ += fmt::format(".{}.{}.tmp", ::getpid(), attempt);
    file_ = FileDescriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                                  S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH));
    if (!file_ && errno != EEXIST) throw_errno("cannot write", target);
  }
  if (!file_) throw_errno("cannot write", target);
  // Refused where the file is another user's; it is then ours with the default mode.
  if (replaces) (void)!::fchmod(file_.get(), existing.st_mode & 07777);
}

AtomicFile::~AtomicFile() {
  if (!file_) return;
  file_.reset();
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  write_fully(position_, bytes);
  position_ += static_cast<std::int64_t>(bytes.size());
}

void AtomicFile::pad_to(std::int64_t alignment) {
  static constexpr std::array<std::byte, 4096> kZeros{};
  std::int64_t left = (alignment - position_ % alignment) % alignment;
  while (left > 0) {
    const auto step = std::min<std::int64_t>(left, static_cast<std::int64_t>(kZeros.size()));
    write(std::span(kZeros).first(static_cast<std::size_t>(step)));
    left -= step;
  }
}

void AtomicFile::write_at(std::int64_t offset, std::span<const std::byte> bytes) {
  write_fully(offset, bytes);
}

void AtomicFile::write_fully(std::int64_t offset, std::span<const std::byte> bytes) {
  // Linux moves at most 2 GiB less a page a call; smaller steps let an interrupt through.
  constexpr std::size_t kMaxStep = std::size_t{64} << 20;
  while (!bytes.empty()) {
    const auto step = bytes.first(std::min(bytes.size(), kMaxStep));
    const ssize_t written = ::pwrite(file_.get(), step.data(), step.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_errno("cannot write", target_);
    offset += written;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit() {
  if (::fsync(file_.get()) != 0) throw_errno("cannot sync", target_);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) throw_errno("cannot replace", target_);
  file_.reset();
  sync_folder(target_);
}

}  // namespace lamina
