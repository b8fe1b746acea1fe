// The build without libcurl and libcrypto.
#include "models/download/download_file.h"

namespace lamina::models::detail {

void download_file(const DownloadRequest& request) {
  throw Unsupported("[download] this build does not download: " + request.url, request.hint);
}

}  // namespace lamina::models::detail
