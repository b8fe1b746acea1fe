#include <lamina/models/download.h>

#include "core/require.h"
#include "models/download/download_file.h"
#include "models/download/weight_server.h"
#include "models/published_weights.h"

namespace lamina::models {

DownloadError::~DownloadError() = default;

std::filesystem::path download_weights(const std::string& model, const std::string& weights,
                                       const DownloadOptions& options) {
  const detail::PublishedWeights* published = detail::find_published(model, weights);
  LAMINA_REQUIRE(published != nullptr, "[{}] there are no published weights {}", model, weights);
  if (const auto found = detail::find_weight_file(*published)) return *found;
  const std::string hint = detail::by_hand(*published);
  if (detail::is_offline()) {
    throw DownloadError(
        fmt::format("[download] LAMINA_OFFLINE forbids to download {}.pth", published->file), hint);
  }
  const std::filesystem::path target =
      detail::weight_directories().front() / (std::string(published->file) + ".pth");
  detail::download_file({.url = detail::url_of(*published),
                         .target = target,
                         .sha256_prefix = std::string(published->sha256_prefix),
                         .hint = hint,
                         .progress = options.progress});
  return target;
}

}  // namespace lamina::models
