#include "tools/vgg16_infer/heatmaps.h"

#include "core/atomic_file.h"
#include "tools/support/failure.h"
#include "tools/support/text.h"
#include "tools/vgg16_infer/model_source.h"

#include <lamina/serialization/npy.h>
#include <lamina/vision/encode.h>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

namespace lamina::tools {
namespace {

namespace fs = std::filesystem;

// What the library finds wrong with a layer or a class, the command line asked for.
template <typename F>
decltype(auto) asked_for(F&& f) {
  try {
    return f();
  } catch (const InvalidArgument& error) {
    throw UsageError(error.what(), error.hint());
  } catch (const Unsupported& error) {
    throw UsageError(error.what(), error.hint());
  }
}

std::optional<std::int64_t> checked_class(const Model& model, std::int64_t asked) {
  if (asked < 0) return std::nullopt;
  const std::int64_t classes = class_count(model);
  if (classes > 0 && asked >= classes) {
    throw UsageError(fmt::format("there is no class {} among {}: --heatmap-class", asked, classes));
  }
  return asked;
}

GradCam make_cam(const Model& model, const InferOptions& options) {
  try {
    return GradCam(model,
                   {.layer = options.heatmap_layer, .threads = static_cast<int>(options.threads)});
  } catch (const InvalidArgument& error) {
    throw UsageError(error.what(),
                     options.heatmap_layer.empty()
                         ? "--heatmap-layer LAYER names another; --print-model lists them"
                         : error.hint());
  }
}

}  // namespace

HeatMaps::HeatMaps(const Model& model, const InferOptions& options)
    : class_index_(checked_class(model, options.heatmap_class)), cam_(make_cam(model, options)) {}

HeatMap HeatMaps::make(const Tensor& activation, std::int64_t best, const Shape& input) {
  GradCamMap cam =
      asked_for([&] { return cam_.explain_activation(activation, class_index_.value_or(best)); });
  const auto values = cam.map.values<float>();
  const bool empty = std::ranges::all_of(values, [](float value) { return !(value > 0); });
  Tensor mask = scale_map(cam.map, input[-2], input[-1]);
  return {std::move(cam.map), std::move(mask), cam.class_index, empty};
}

std::string heat_map_stem(const std::string& input) {
  if (input == "-") return "stdin";
  const std::string stem = fs::path(input).stem().string();
  return stem.empty() ? fs::path(input).filename().string() : stem;
}

HeatMapFiles::HeatMapFiles(std::string directory, const std::vector<Input>& inputs)
    : directory_(std::move(directory)) {
  std::map<std::string, std::string> taken;
  for (const Input& input : inputs) {
    if (!input.error.empty()) continue;
    const std::string stem = heat_map_stem(input.path);
    std::error_code error;
    if (fs::equivalent(input.path, fs::path(directory_) / (stem + ".png"), error)) {
      throw UsageError("the heat map would replace its own picture: " + printable(input.path),
                       "another --heatmap DIR keeps both");
    }
    const auto [at, is_new] = taken.emplace(stem, input.path);
    if (is_new || at->second == input.path) continue;
    throw UsageError(
        fmt::format("{} and {} would have one heat map: {}.png", printable(at->second),
                    printable(input.path), printable((fs::path(directory_) / stem).string())),
        "rename one of them, or run once for each and another --heatmap DIR");
  }
  std::error_code error;
  fs::create_directories(directory_, error);
  if (!error && !fs::is_directory(directory_)) {
    error = std::make_error_code(std::errc::not_a_directory);
  }
  if (error) {
    throw OutputError(
        fmt::format("cannot make a directory: {}: {}", error.message(), printable(directory_)));
  }
}

std::string HeatMapFiles::write(const std::string& input, const ShownPicture& picture,
                                const HeatMap& heat) {
  const fs::path base = fs::path(directory_) / heat_map_stem(input);
  const std::string png = base.string() + ".png";
  writing([&] {
    const std::vector<std::byte> bytes = vision::encode_png(with_heat(picture, heat.mask));
    AtomicFile file(png);
    file.write(bytes);
    file.commit();
    serialization::save_npy(heat.map, base.string() + ".npy");
  });
  return png;
}

}  // namespace lamina::tools
