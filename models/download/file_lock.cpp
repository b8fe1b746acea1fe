#include "models/download/file_lock.h"

#include <chrono>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

namespace lamina::models::detail {

FileLock::FileLock(std::filesystem::path path, const std::function<void()>& waiting,
                   const std::function<void()>& tick)
    : path_(std::move(path)) {
  if (try_lock()) return;
  waiting();
  while (!try_lock()) {
    tick();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

// While the lock is held, so that nobody removes a file that another has locked since.
FileLock::~FileLock() {
  if (file_) ::unlink(path_.c_str());
}

bool FileLock::try_lock() {
  file_ = FileDescriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file_) throw_errno("[download] cannot make the lock", path_);
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) == 0) return is_still_there();
  return errno != EWOULDBLOCK && errno != EINTR;
}

// Whoever held the lock before has removed the file; it may have been this one.
bool FileLock::is_still_there() const {
  struct stat held {
  }, named{};
  return ::fstat(file_.get(), &held) == 0 && ::stat(path_.c_str(), &named) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

}  // namespace lamina::models::detail
