#include "models/download/weight_server.h"

#include <lamina/models/download.h>

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>

namespace lamina::models::detail {
namespace {

constexpr std::string_view kServer = "https://download.pytorch.org/models";

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string url_of(const PublishedWeights& weights) {
  std::string_view base = environment("LAMINA_MIRROR");
  if (base.empty()) base = kServer;
  if (!base.starts_with("http://") && !base.starts_with("https://")) {
    throw DownloadError(fmt::format("[download] LAMINA_MIRROR is no http or https URL: {}", base),
                        "for example LAMINA_MIRROR=https://mirror.example.org/models");
  }
  while (base.ends_with('/')) base.remove_suffix(1);
  return fmt::format("{}/{}.pth", base, weights.file);
}

bool is_offline() {
  const std::string_view value = environment("LAMINA_OFFLINE");
  return !value.empty() && value != "0";
}

std::string by_hand(const PublishedWeights& weights) {
  return fmt::format("put {}.pth into {}, or name a weight file", weights.file,
                     weight_directories().front().string());
}

}  // namespace lamina::models::detail
