#include "models/published_weights.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <string>

#include <pwd.h>
#include <unistd.h>

namespace lamina::models::detail {
namespace {

namespace fs = std::filesystem;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Published for SSD detectors, which scale differently: mean in units of 255, std 1/255.
constexpr vision::Transforms kFeaturesTransforms{.mean = {0.48235F, 0.45882F, 0.40784F},
                                                 .std = {1.0F / 255, 1.0F / 255, 1.0F / 255}};

fs::path environment_path(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? fs::path(value) : fs::path();
}

// As the shell's ~: a service may run without HOME.
fs::path home_directory() {
  const fs::path home = environment_path("HOME");
  if (!home.empty()) return home;
  std::array<char, 4096> buffer{};
  passwd entry{}, *found = nullptr;
  ::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? fs::path() : fs::path(found->pw_dir);
}

// XDG's rule: a relative path is to be ignored.
fs::path xdg_cache() {
  fs::path path = environment_path("XDG_CACHE_HOME");
  return path.is_absolute() ? path : fs::path();
}

}  // namespace

const std::vector<PublishedWeights>& published_weights() {
  static const std::vector<PublishedWeights> table = {
      {"vgg11", "IMAGENET1K_V1", "vgg11-8a719046", "8a719046", 69.020, 88.628, {}},
      {"vgg11_bn", "IMAGENET1K_V1", "vgg11_bn-6002323d", "6002323d", 70.370, 89.810, {}},
      {"vgg13", "IMAGENET1K_V1", "vgg13-19584684", "19584684", 69.928, 89.246, {}},
      {"vgg13_bn", "IMAGENET1K_V1", "vgg13_bn-abd245e5", "abd245e5", 71.586, 90.374, {}},
      {"vgg16", "IMAGENET1K_V1", "vgg16-397923af", "397923af", 71.592, 90.382, {}},
      {"vgg16", "IMAGENET1K_FEATURES", "vgg16_features-amdegroot-88682ab5", "88682ab5", kNone,
       kNone, kFeaturesTransforms},
      {"vgg16_bn", "IMAGENET1K_V1", "vgg16_bn-6c64b313", "6c64b313", 73.360, 91.516, {}},
      {"vgg19", "IMAGENET1K_V1", "vgg19-dcbb9e9d", "dcbb9e9d", 72.376, 90.876, {}},
      {"vgg19_bn", "IMAGENET1K_V1", "vgg19_bn-c79401a0", "c79401a0", 74.218, 91.842, {}}};
  return table;
}

const PublishedWeights* find_published(std::string_view model, std::string_view name) {
  const std::string_view wanted = name == "DEFAULT" ? "IMAGENET1K_V1" : name;
  const auto& table = published_weights();
  const auto found = std::find_if(table.begin(), table.end(), [&](const PublishedWeights& weights) {
    return weights.model == model && weights.name == wanted;
  });
  return found == table.end() ? nullptr : &*found;
}

bool is_published_name(std::string_view name) {
  const auto& table = published_weights();
  return name == "DEFAULT" ||
         std::any_of(table.begin(), table.end(),
                     [&](const PublishedWeights& weights) { return weights.name == name; });
}

std::vector<fs::path> weight_directories() {
  const fs::path home = home_directory(), xdg = xdg_cache();
  const fs::path cache = xdg.empty() ? home / ".cache" : xdg;
  const fs::path own = environment_path("LAMINA_CACHE");
  std::vector<fs::path> directories = {own.empty() ? cache / "lamina" : own};
  const auto add = [&](const fs::path& root, const fs::path& below) {
    const bool known =
        std::find(directories.begin(), directories.end(), root / below) != directories.end();
    if (!root.empty() && !known) directories.push_back(root / below);
  };
  add(environment_path("TORCH_HOME"), "hub/checkpoints");
  add(xdg, "torch/hub/checkpoints");
  add(home, ".cache/torch/hub/checkpoints");
  return directories;
}

std::optional<fs::path> find_weight_file(const PublishedWeights& weights) {
  for (const fs::path& directory : weight_directories()) {
    for (const char* extension : kWeightExtensions) {
      fs::path path = directory / (std::string(weights.file) + extension);
      std::error_code ignored;  // a directory that cannot be read has no file for us
      if (fs::is_regular_file(path, ignored)) return path;
    }
  }
  return std::nullopt;
}

}  // namespace lamina::models::detail
