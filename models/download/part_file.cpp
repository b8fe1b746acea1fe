#include "models/download/part_file.h"

#include <lamina/models/download.h>

#include <charconv>
#include <fstream>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

namespace lamina::models::detail {
namespace {

namespace fs = std::filesystem;

// One "name value" a line. Written only while the part is empty and in one call, so that a crash
// leaves none, or half a one, beside no bytes that could be lost.
std::string to_text(const PartSource& source) {
  return fmt::format("url {}\netag {}\nlast-modified {}\nbytes {}\nend\n", source.url, source.etag,
                     source.last_modified, source.total);
}

PartSource read_source(const fs::path& path) {
  PartSource source;
  bool whole = false;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t space = line.find(' ');
    const std::string name = line.substr(0, space);
    const std::string value = space == std::string::npos ? "" : line.substr(space + 1);
    if (name == "url") source.url = value;
    if (name == "etag") source.etag = value;
    if (name == "last-modified") source.last_modified = value;
    if (name == "bytes") {
      std::from_chars(value.data(), value.data() + value.size(), source.total);
    }
    if (name == "end") whole = true;
  }
  return whole ? source : PartSource();
}

bool is_full_disk(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

bool write_fully(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

void sync_folder(const fs::path& folder) {
  const FileDescriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened) ::fsync(opened.get());
}

}  // namespace

fs::path beside(const fs::path& target, const char* extension) {
  fs::path path = target;
  return path += extension;
}

std::string PartSource::validator() const {
  const bool strong = etag.starts_with('"');
  return strong ? etag : last_modified;
}

PartFile::PartFile(const fs::path& target, const std::string& url,
                   const std::function<void()>& tick)
    : target_(target), part_(beside(target, ".part")), info_(beside(target, ".part-info")) {
  file_ = FileDescriptor(::open(part_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file_) throw_errno("[download] cannot write", part_);
  source_ = read_source(info_);
  struct stat status {};
  if (::fstat(file_.get(), &status) == 0) size_ = status.st_size;
  const bool too_long = source_.total >= 0 && size_ > source_.total;
  if (size_ == 0 || source_.url != url || too_long) {
    begin({.url = url});
  } else {
    read_head(tick);
  }
}

PartFile::~PartFile() {
  if (file_ && size_ == 0) discard();
}

void PartFile::read_head(const std::function<void()>& tick) {
  constexpr std::size_t kBlock = 1 << 20;
  std::vector<std::byte> block(kBlock);
  std::int64_t read = 0;
  while (read < size_) {
    tick();
    const ssize_t count = ::pread(file_.get(), block.data(), block.size(), read);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("[download] cannot read", part_);
    if (count == 0) break;
    digest_.update({block.data(), static_cast<std::size_t>(count)});
    read += count;
  }
  size_ = ::lseek(file_.get(), read, SEEK_SET);
  in_one_piece_ = false;
}

void PartFile::begin(const PartSource& source) {
  if (::ftruncate(file_.get(), 0) != 0) throw_write_error(errno);
  ::lseek(file_.get(), 0, SEEK_SET);
  size_ = 0;
  digest_ = Sha256();
  in_one_piece_ = true;
  source_ = source;
  const std::string text = to_text(source);
  const FileDescriptor note(::open(info_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!note || !write_fully(note.get(), std::as_bytes(std::span(text)))) throw_write_error(errno);
}

void PartFile::append(std::span<const std::byte> bytes) {
  if (!write_fully(file_.get(), bytes)) throw_write_error(errno);
  digest_.update(bytes);
  size_ += static_cast<std::int64_t>(bytes.size());
}

void PartFile::publish() {
  if (::fsync(file_.get()) != 0) throw_write_error(errno);
  if (::rename(part_.c_str(), target_.c_str()) != 0) throw_errno("[download] cannot name", target_);
  ::unlink(info_.c_str());
  sync_folder(target_.parent_path());
  file_.reset();
}

void PartFile::discard() noexcept {
  ::unlink(part_.c_str());
  ::unlink(info_.c_str());
  file_.reset();
}

void PartFile::throw_write_error(int error) {
  const std::string what =
      fmt::format("[download] cannot write: {}: {}", std::strerror(error), part_.string());
  if (!is_full_disk(error)) throw IoError(what);
  discard();
  throw DownloadError(what, "free some space, or set LAMINA_CACHE to a folder that has it");
}

}  // namespace lamina::models::detail
