// Where published weight files come from, as the environment says.
#pragma once

#include "models/published_weights.h"

#include <string>

namespace lamina::models::detail {

/// The file's URL on torchvision's model server, or below LAMINA_MIRROR. Throws DownloadError where
/// that is no http or https URL.
std::string url_of(const PublishedWeights& weights);

/// Whether LAMINA_OFFLINE forbids downloads: any value but "" and "0" does.
bool is_offline();

/// What a person can do where a download is not possible: "put vgg16-397923af.pth into …".
std::string by_hand(const PublishedWeights& weights);

}  // namespace lamina::models::detail
