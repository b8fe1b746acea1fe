// The published weights as files: found on this machine, or downloaded and checked.
//
//   std::filesystem::path file = models::download_weights("vgg16");   // …/vgg16-397923af.pth
//   model.load_state_dict(lamina::load(file));
//
// Several threads and processes may ask for the same file: one of them downloads it.
#pragma once

#include <lamina/core/error.h>
#include <lamina/core/export.h>
#include <lamina/serialization/load.h>

#include <filesystem>
#include <string>

namespace lamina::models {

/// A file did not come, or is not the one that was published. What came of it is kept where the
/// next try can go on from there.
class LAMINA_API DownloadError : public Error {
 public:
  using Error::Error;
  ~DownloadError() override;
};

struct DownloadOptions {
  /// Called at least once a second, also while nothing arrives, with bytes done and bytes in all
  /// (0: not known). What it throws ends the download, which can be gone on with later.
  ByteProgress progress = {};
};

/// A file of published weights ("vgg16", "IMAGENET1K_V1"): one that a cache has, Lamina's or
/// PyTorch's, else PyTorch's .pth downloaded into Lamina's. LAMINA_MIRROR names another server,
/// LAMINA_OFFLINE=1 forbids downloads, LAMINA_CACHE is where files go. docs/downloads.md
/// Errors:   InvalidArgument where there are no such weights; DownloadError; Unsupported in a build
///           without downloads; what `progress` throws
LAMINA_API std::filesystem::path download_weights(const std::string& model,
                                                  const std::string& weights = "DEFAULT",
                                                  const DownloadOptions& options = {});

}  // namespace lamina::models
