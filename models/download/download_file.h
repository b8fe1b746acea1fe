// Fetching one file whose SHA-256 is known: once, however many ask for it, and whatever happens on
// the way.
#pragma once

#include "models/download/patience.h"

#include <lamina/models/download.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace lamina::models::detail {

struct DownloadRequest {
  std::string url;
  std::filesystem::path target;
  std::string sha256_prefix;  ///< lower-case hexadecimal
  std::string hint;           ///< what a person can do instead; goes with each error
  ByteProgress progress = {};
  DownloadPace pace = {};
  std::int64_t most_bytes = std::int64_t{4} << 30;  ///< a server that sends more is cut off
  /// Bytes that may be written in a folder, where the file system is not to be asked.
  std::function<std::int64_t(const std::filesystem::path&)> room = {};
};

/// Makes `target`, unless it is there already: it appears when its bytes are whole, checked and on
/// the disk. Until then they are in TARGET.part, with TARGET.part-info saying what they are of; an
/// error or a crash leaves both, and the next call goes on from there. TARGET.lock lets one caller
/// download while the others wait.
/// Errors:   DownloadError; Unsupported in a build without downloads; what `progress` throws
void download_file(const DownloadRequest& request);

}  // namespace lamina::models::detail
