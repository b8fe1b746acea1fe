#include "models/download/download_file.h"

#include "core/log_internal.h"
#include "models/download/file_lock.h"
#include "models/download/http_answer.h"
#include "models/download/part_file.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <sys/statvfs.h>

namespace lamina::models::detail {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

std::string mib(std::int64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

std::int64_t free_bytes(const fs::path& folder) {
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) throw_errno("[download] cannot look at", folder);
  return static_cast<std::int64_t>(status.f_bavail) * static_cast<std::int64_t>(status.f_frsize);
}

class Download {
 public:
  explicit Download(const DownloadRequest& request)
      : request_(request),
        url_(without_password(request.url)),
        part_(request.target, url_, [this] { report(0, 0); }),
        patience_(request.pace, part_.size()) {}

  void run() {
    if (part_.size() > 0) {
      log(LogLevel::info, "[download] going on after {}: {}", mib(part_.size()), url_);
    } else {
      log(LogLevel::info, "[download] {} to {}", url_, request_.target.string());
    }
    report();
    while (!try_once()) {
    }
  }

 private:
  bool try_once() {
    try {
      if (!part_.complete()) fetch();
      check();
      part_.publish();
      return true;
    } catch (const Setback& setback) {
      after(setback);
      return false;
    }
  }

  void fetch() {
    if (part_.size() > 0) part_.resuming();
    const HttpRequest get{.url = request_.url,
                          .first_byte = part_.size(),
                          .if_range = part_.source().validator(),
                          .limits = request_.pace.limits};
    patience_.begin_try();
    try {
      http_get(get, {.head = [this](const HttpHead& head) { take_head(head); },
                     .body = [this](std::span<const std::byte> bytes) { take_body(bytes); },
                     .tick = [this] { report(); }});
    } catch (const HttpError& error) {
      if (error.kind() == HttpError::Kind::untrusted) fail_untrusted(error.what());
      if (error.kind() == HttpError::Kind::hopeless) fail(error.what());
      throw Setback{error.what(), error.kind() == HttpError::Kind::unreachable};
    }
    if (part_.source().total > part_.size()) {
      throw Setback{
          fmt::format("the answer ended after {} of {} bytes", part_.size(), part_.source().total)};
    }
  }

  void take_head(const HttpHead& head) {
    patience_.answered();
    if (head.status == 206) {
      check_range(head);
    } else if (head.status == 200) {
      begin(head);
    } else if (head.status == 416 && part_.size() > 0) {
      start_anew("the server's file is shorter than the part that is here");
    } else {
      refuse(head);
    }
  }

  // The whole file: this is the first try, or it has changed, or the server cannot send parts.
  void begin(const HttpHead& head) {
    if (head.content_type.starts_with("text/html")) fail_with_page();
    if (part_.size() > 0) {
      log(LogLevel::info, "[download] the server sends the file from its beginning: {}", url_);
    }
    part_.begin({.url = url_,
                 .etag = head.etag,
                 .last_modified = head.last_modified,
                 .total = head.content_length});
    check_size(head.content_length);
    check_room();
  }

  void check_range(const HttpHead& head) {
    if (part_.size() == 0) fail("the server answered 206 to a request for the whole file");
    const ContentRange range = parse_content_range(head.content_range);
    const std::int64_t total = part_.source().total;
    if (range.first != part_.size() || (range.total >= 0 && total >= 0 && range.total != total)) {
      start_anew(fmt::format("the server sent another part than was asked for ('{}')",
                             head.content_range));
    }
    check_room();
  }

  void check_size(std::int64_t bytes) {
    if (bytes <= request_.most_bytes) return;
    part_.discard();
    fail(fmt::format("the server's file is larger than the {} that are plausible",
                     mib(request_.most_bytes)));
  }

  void check_room() {
    const std::int64_t total = part_.source().total;
    const fs::path folder = request_.target.parent_path();
    const std::int64_t needed = total - part_.size(),
                       free = request_.room ? request_.room(folder) : free_bytes(folder);
    if (needed <= free) return;
    throw DownloadError(fmt::format("[download] not enough space: {} needed, {} free: {}",
                                    mib(needed), mib(free), folder.string()),
                        "free some, or set LAMINA_CACHE to a folder that has it");
  }

  void refuse(const HttpHead& head) {
    const std::string what =
        fmt::format("the server answered {}{}", head.status, reason_of(head.status));
    if (!is_passing(head.status)) fail(what);
    Setback setback{what};
    if (head.retry_after_seconds > 0) {
      // Bounded before it is multiplied: a server may say any number.
      const std::int64_t most = request_.pace.longest_wait.count() / 1000 + 1;
      setback.wait = std::chrono::seconds(std::min(head.retry_after_seconds, most));
    }
    throw setback;
  }

  void take_body(std::span<const std::byte> bytes) {
    // A weight file begins with a pickle's 0x80 or a zip's "PK"; a captive portal's page may come
    // under any type.
    if (part_.size() == 0 && !bytes.empty() && bytes.front() == std::byte{'<'}) fail_with_page();
    check_size(part_.size() + static_cast<std::int64_t>(bytes.size()));
    part_.append(bytes);
    report();
  }

  void check() {
    const std::string digest = part_.sha256();
    if (digest.starts_with(request_.sha256_prefix)) return;
    if (!part_.in_one_piece() && !std::exchange(mended_, true)) {
      start_anew("the pieces do not make the file (wrong SHA-256)");
    }
    part_.discard();
    throw DownloadError(
        fmt::format("[download] wrong SHA-256, the file was removed: expected {}..., got {}: {}",
                    request_.sha256_prefix, digest, url_),
        request_.hint);
  }

  [[noreturn]] void start_anew(std::string why) {
    part_.begin({.url = url_});
    throw Setback{.what = std::move(why), .wait = milliseconds(0)};
  }

  [[noreturn]] void fail_untrusted(const char* what) {
    throw DownloadError(fmt::format("[download] {}: {}", what, url_),
                        "are this machine's certificates there (ca-certificates)? SSL_CERT_FILE "
                        "names others; or " +
                            request_.hint);
  }

  [[noreturn]] void fail_with_page() { fail("the server sent a web page instead of the file"); }

  [[noreturn]] void fail(const std::string& what) {
    std::string hint = request_.hint;
    if (part_.size() > 0) {
      hint = fmt::format("run it again to go on after {}; or {}", mib(part_.size()), hint);
    }
    throw DownloadError(fmt::format("[download] {}: {}", what, url_), std::move(hint));
  }

  void after(const Setback& setback) {
    const auto wait = patience_.after(setback, part_.size());
    if (!wait) {
      const int tries = patience_.failures();
      fail(tries == 1 ? setback.what
                      : fmt::format("{}; given up after {} tries", setback.what, tries));
    }
    const std::string when =
        wait->count() == 0
            ? "starting anew"
            : fmt::format("try {} of {} in {:.1f} s", patience_.failures() + 1, patience_.tries(),
                          static_cast<double>(wait->count()) / 1000);
    log(LogLevel::warning, "[download] {}; {}: {}", setback.what, when, url_);
    pause(*wait);
  }

  void pause(milliseconds wait) {
    constexpr milliseconds kStep{50};
    for (; wait > milliseconds(0); wait -= kStep) {
      report();
      std::this_thread::sleep_for(std::min(wait, kStep));
    }
  }

  void report() { report(part_.size(), std::max<std::int64_t>(0, part_.source().total)); }
  void report(std::int64_t done, std::int64_t total) {
    if (request_.progress) request_.progress(done, total);
  }

  const DownloadRequest& request_;
  const std::string url_;  // for people and for the note beside the part
  PartFile part_;
  Patience patience_;
  bool mended_ = false;
};

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) return;
  throw DownloadError(
      fmt::format("[download] cannot make the folder: {}: {}", error.message(), folder.string()),
      "set LAMINA_CACHE to a folder that can be written");
}

std::int64_t size_of(const fs::path& path) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  return error ? 0 : static_cast<std::int64_t>(size);
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

}  // namespace

void download_file(const DownloadRequest& request) {
  if (is_there(request.target)) return;
  make_folder(request.target.parent_path());
  const auto waiting = [&] {
    log(LogLevel::info, "[download] another process is at it, waiting: {}",
        request.target.string());
  };
  const auto tick = [&] {  // shows how the other gets on
    if (request.progress) request.progress(size_of(beside(request.target, ".part")), 0);
  };
  try {
    const FileLock lock(beside(request.target, ".lock"), waiting, tick);
    if (!is_there(request.target)) Download(request).run();
  } catch (const IoError& error) {
    throw DownloadError(error.what(), "set LAMINA_CACHE to a folder that can be written");
  }
}

}  // namespace lamina::models::detail
