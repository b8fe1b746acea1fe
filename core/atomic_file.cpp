#include "core/atomic_file.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

namespace lamina {
namespace {

namespace fs = std::filesystem;

// What the target's symbolic links lead to, whether it exists yet or not.
fs::path resolved_target(fs::path target) {
  constexpr int kMaxLinks = 40;  // as many as Linux follows
  std::error_code error;
  for (int link = 0; link < kMaxLinks && fs::is_symlink(fs::symlink_status(target, error));
       ++link) {
    const fs::path next = fs::read_symlink(target, error);
    if (error) break;
    target = target.parent_path() / next;  // an absolute `next` replaces all of it
  }
  return target;
}

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

void sync_folder(const fs::path& file) {
  const FileDescriptor descriptor(
      ::open(folder_of(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot sync a folder; the rename itself has succeeded by then.
  if (descriptor) ::fsync(descriptor.get());
}

constexpr std::string_view kTemporaryEnd = ".tmp";

// What the names of all temporaries of a target begin with.
std::string temporary_start(const fs::path& target) {
  constexpr std::size_t kMaxStem = 200;  // of the 255 bytes that a name may have
  return target.filename().string().substr(0, kMaxStem) + ".";
}

// Whether a name goes on as open_temporary() makes them: "1234.0.tmp".
bool is_temporary_rest(std::string_view rest) {
  if (!rest.ends_with(kTemporaryEnd)) return false;
  rest.remove_suffix(kTemporaryEnd.size());
  const std::size_t dot = rest.find('.');
  const auto is_number = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return dot != std::string_view::npos && is_number(rest.substr(0, dot)) &&
         is_number(rest.substr(dot + 1));
}

bool lock(const FileDescriptor& file) { return ::flock(file.get(), LOCK_EX | LOCK_NB) == 0; }

// Whether the path still names the open file.
bool names(const fs::path& path, const FileDescriptor& file) {
  struct stat named {
  }, opened{};
  return ::lstat(path.c_str(), &named) == 0 && ::fstat(file.get(), &opened) == 0 &&
         named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

// Removes the target's temporaries that nobody holds a lock on. What cannot be removed stays.
void remove_abandoned(const fs::path& target) {
  const std::string start = temporary_start(target);
  std::error_code error;
  for (fs::directory_iterator entry(folder_of(target), error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(start) || !is_temporary_rest(std::string_view(name).substr(start.size())))
      continue;
    const FileDescriptor file(
        ::open(entry->path().c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (file && lock(file) && names(entry->path(), file)) ::unlink(entry->path().c_str());
  }
}

}  // namespace

AtomicFile::AtomicFile(const fs::path& target) : target_(target) {
  struct stat existing {};
  const bool exists = ::stat(target.c_str(), &existing) == 0;
  if (exists && S_ISDIR(existing.st_mode)) {
    throw IoError(fmt::format("cannot write: Is a directory: {}", target.string()));
  }
  if (exists && !S_ISREG(existing.st_mode)) {
    file_ = FileDescriptor(::open(target.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file_) throw_errno("cannot write", target);
    return;
  }
  target_ = resolved_target(target);
  remove_abandoned(target_);
  open_temporary();
  if (!exists) return;
  // Refused where the file is another user's; it is then ours. The owner first: changing it clears
  // mode bits.
  (void)!::fchown(file_.get(), existing.st_uid, existing.st_gid);
  (void)!::fchmod(file_.get(), existing.st_mode & (S_IRWXU | S_IRWXG | S_IRWXO));
}

void AtomicFile::open_temporary() {
  constexpr int kAttempts = 100;  // names in use, or taken away before they were locked
  constexpr mode_t kReadWrite = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;
  for (int attempt = 0; attempt < kAttempts && !file_; ++attempt) {
    temporary_ = target_.parent_path() / fmt::format("{}{}.{}{}", temporary_start(target_),
                                                     ::getpid(), attempt, kTemporaryEnd);
    file_ = FileDescriptor(
        ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kReadWrite));
    if (!file_ && errno != EEXIST) break;
    if (!file_) continue;
    // A file system without locks refuses those who would remove the file as well.
    const bool held_by_remover = !lock(file_) && errno == EWOULDBLOCK;
    if (held_by_remover || !names(temporary_, file_)) file_.reset();
  }
  if (!file_) throw_errno("cannot write", target_);
}

AtomicFile::~AtomicFile() {
  if (!file_ || direct()) return;
  file_.reset();
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  write_fully(bytes, [this](std::span<const std::byte> step) {
    return ::write(file_.get(), step.data(), step.size());
  });
  position_ += static_cast<std::int64_t>(bytes.size());
  start_writeback();
}

// The sync at the end dominates a large save; a disk that works from the start finishes earlier:
// 528 MiB in 0.87 s instead of 0.97 s (medians of 6, virtio disk, ext4, 2026-11; every 16 or 32 MiB
// gains less). It is a hint, and no error of it matters.
void AtomicFile::start_writeback() {
  constexpr std::int64_t kStep = std::int64_t{8} << 20;
  if (direct() || position_ - writeback_from_ < kStep) return;
  (void)::sync_file_range(file_.get(), writeback_from_, position_ - writeback_from_,
                          SYNC_FILE_RANGE_WRITE);
  writeback_from_ = position_;
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
  write_fully(bytes, [this, &offset](std::span<const std::byte> step) {
    const ssize_t written = ::pwrite(file_.get(), step.data(), step.size(), offset);
    offset += std::max<ssize_t>(written, 0);
    return written;
  });
}

template <typename WriteSome>
void AtomicFile::write_fully(std::span<const std::byte> bytes, WriteSome write_some) {
  // Linux moves at most 2 GiB less a page a call; smaller steps let an interrupt through.
  constexpr std::size_t kMaxStep = std::size_t{64} << 20;
  while (!bytes.empty()) {
    const auto step = bytes.first(std::min(bytes.size(), kMaxStep));
    const ssize_t written = write_some(step);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_errno("cannot write", target_);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit() {
  if (direct()) {
    file_.reset();
    return;
  }
  if (::fsync(file_.get()) != 0) throw_errno("cannot sync", target_);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) throw_errno("cannot replace", target_);
  file_.reset();
  sync_folder(target_);
}

}  // namespace lamina
