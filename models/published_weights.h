// The weights that torchvision publishes for the VGG family: what they are, and where a machine may
// have them already.
#pragma once

#include <lamina/vision/transforms.h>

#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace lamina::models::detail {

struct PublishedWeights {
  std::string_view model;             ///< "vgg16"
  std::string_view name;              ///< "IMAGENET1K_V1"
  std::string_view file;              ///< of torchvision's model server, without ".pth"
  std::string_view sha256_prefix;     ///< of that .pth file, in hexadecimal
  double acc1_percent, acc5_percent;  ///< on ImageNet-1K; NaN where there is no classifier
  vision::Transforms transforms;

  /// Whether the classifier's weights are numbers.
  bool has_classifier() const { return acc1_percent > 0; }
};

/// All of them. Source: torchvision 0.29, the `meta` of its VGG weights.
const std::vector<PublishedWeights>& published_weights();

/// "DEFAULT" is IMAGENET1K_V1. Nothing where the model has no weights of that name.
const PublishedWeights* find_published(std::string_view model, std::string_view name);

/// Whether any model has weights of that name, "DEFAULT" included.
bool is_published_name(std::string_view name);

/// Where weight files are looked for, in this order: Lamina's cache ($LAMINA_CACHE, else
/// $XDG_CACHE_HOME/lamina, else ~/.cache/lamina), then PyTorch's ($TORCH_HOME/hub/checkpoints,
/// $XDG_CACHE_HOME/torch/hub/checkpoints, ~/.cache/torch/hub/checkpoints). Lamina's is always
/// first.
std::vector<std::filesystem::path> weight_directories();

/// The kinds of file in which a cache may have them, best first.
inline constexpr std::array kWeightExtensions{".lamina", ".safetensors", ".pth"};

/// A file of these weights, <file> with one of the extensions, in the first directory that has one.
std::optional<std::filesystem::path> find_weight_file(const PublishedWeights& weights);

}  // namespace lamina::models::detail
