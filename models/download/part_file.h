// The file that a download grows in, and the note beside it from which a later run goes on.
#pragma once

#include "core/file_descriptor.h"
#include "models/download/sha256.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

namespace lamina::models::detail {

/// What the server said of the file of which a part is here.
struct PartSource {
  std::string url = {}, etag = {}, last_modified = {};
  std::int64_t total = -1;  ///< bytes of the whole file; -1: not said

  /// For If-Range: a strong ETag, else the date, else empty.
  std::string validator() const;
};

/// TARGET.part and TARGET.part-info. Killed at any moment, the two are either of use to the next
/// run, or it notices that they are not. Writes that fail throw DownloadError where the disk is
/// full, having removed both, else IoError.
class PartFile {
 public:
  /// Opens what an earlier run left, where that came from `url`; else begins empty. `tick` is
  /// called while the bytes that are there are read for their checksum.
  PartFile(const std::filesystem::path& target, const std::string& url,
           const std::function<void()>& tick);
  /// Leaves the part to a later run, unless it is empty.
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  std::int64_t size() const noexcept { return size_; }
  const PartSource& source() const noexcept { return source_; }
  bool complete() const noexcept { return source_.total > 0 && size_ == source_.total; }
  /// Whether its bytes came in one piece, in this run.
  bool in_one_piece() const noexcept { return in_one_piece_; }
  void resuming() noexcept { in_one_piece_ = false; }

  /// Empties the file, for the bytes of `source`.
  void begin(const PartSource& source);
  void append(std::span<const std::byte> bytes);
  /// Hexadecimal, of all bytes. Once after each begin().
  std::string sha256() { return digest_.hex_digest(); }
  /// Syncs and renames to the target.
  void publish();
  void discard() noexcept;

 private:
  void read_head(const std::function<void()>& tick);
  [[noreturn]] void throw_write_error(int error);

  std::filesystem::path target_, part_, info_;
  FileDescriptor file_;
  PartSource source_;
  Sha256 digest_;
  std::int64_t size_ = 0;
  bool in_one_piece_ = true;
};

/// What a download leaves beside its target until it is done: TARGET.part, TARGET.part-info and
/// TARGET.lock.
std::filesystem::path beside(const std::filesystem::path& target, const char* extension);

}  // namespace lamina::models::detail
