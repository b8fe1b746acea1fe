// A file on a server of our own, a folder for it to go to, and no patience.
#pragma once

#include "models/download/download_file.h"
#include "tests/support/http_server.h"
#include "tests/support/temporary_folder.h"

#include <filesystem>
#include <string>
#include <vector>

namespace lamina::test {

/// Bytes as random as a weight file's, which begin as a pickle does.
std::string some_bytes(std::size_t count, unsigned seed = 1);
std::string sha256_of(const std::string& bytes);

/// The folder of a download.
class Scene {
 public:
  std::filesystem::path target() const { return folder_ / "cache/vgg16-0123.pth"; }
  std::filesystem::path part() const { return folder_ / "cache/vgg16-0123.pth.part"; }
  std::filesystem::path info() const { return folder_ / "cache/vgg16-0123.pth.part-info"; }

  /// For the file of these bytes: tries after milliseconds, a line that stalls for 0.3 s is given
  /// up.
  models::detail::DownloadRequest request(const HttpServer& server, const std::string& bytes) const;

  /// Leaves a part as an earlier run would have, of the file at `url`.
  void leave_part(const std::string& bytes, const std::string& url,
                  const std::string& etag = "\"v1\"", std::int64_t total = -1) const;

  /// Whether the target is there with these bytes.
  bool has(const std::string& bytes) const;

  /// Names in the cache folder, sorted.
  std::vector<std::string> names() const;

 private:
  TemporaryFolder folder_;
};

/// "what\nhint" of the DownloadError that the request ends in.
std::string error_of(const models::detail::DownloadRequest& request);

/// The URL of the scene's file.
std::string url_on(const HttpServer& server);

}  // namespace lamina::test
