#include "models/weights.h"

#include "core/log_internal.h"
#include "core/require.h"
#include "models/download/stderr_progress.h"
#include "models/download/weight_server.h"
#include "models/initialize.h"
#include "models/model_json.h"
#include "models/published_weights.h"
#include "models/weight_names.h"

#include <lamina/models/download.h>
#include <lamina/serialization/container.h>

#include <charconv>
#include <optional>

namespace lamina::models {

WeightsNotFound::~WeightsNotFound() = default;

namespace detail {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kImageNetClasses = 1000;

/// The seed of "", "random" or "random:SEED"; nothing for any other text.
std::optional<std::uint64_t> parse_seed(std::string_view weights) {
  constexpr std::string_view kRandom = "random";
  if (weights.empty() || weights == kRandom) return 0;
  if (!weights.starts_with("random:")) return std::nullopt;
  const std::string_view digits = weights.substr(kRandom.size() + 1);
  std::uint64_t seed = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seed);
  LAMINA_REQUIRE(error == std::errc() && end == digits.data() + digits.size(),
                 "[vgg] weights '{}': the seed is not a whole number of 64 bits", weights);
  return seed;
}

void load_into(VGG& module, const VggConfig& config, const StateDict& state, const fs::path& path) {
  try {
    const auto bare = without_data_parallel(state);
    module.load_state_dict(bare ? *bare : state);
    if (bare) {
      log(LogLevel::info, "'module.' taken off every name, as DataParallel writes them: {}",
          path.string());
    }
  } catch (const StateDictError& error) {
    const std::string hint = describe_misfit(state, find_fit(state), config.name);
    throw StateDictError(fmt::format("[{}] {}: {}", config.name, report_of(error), path.string()),
                         hint.empty() ? error.hint() : hint);
  }
}

/// What a container says of its weights; nothing where the file is of another kind or silent.
std::optional<ModelInfo> stored_info(const fs::path& path) {
  if (serialization::detect_kind(path) != serialization::FileKind::lamina) return std::nullopt;
  const serialization::ContainerInfo container = serialization::inspect_container(path);
  if (container.weights.empty()) return std::nullopt;
  return model_info_from_json(container.weights);
}

ModelInfo load_file(VGG& module, const VggConfig& config, const fs::path& path) {
  load_into(module, config, load(path), path);
  ModelInfo info = stored_info(path).value_or(ModelInfo());
  info.weights = path.string();
  return info;
}

fs::path file_of(const PublishedWeights& weights, const VggOptions& options) {
  if (const auto found = find_weight_file(weights)) return *found;
  if (!options.download || is_offline()) {
    throw WeightsNotFound(
        fmt::format("[{}] weights {} are not on this machine, and {}", weights.model, weights.name,
                    options.download ? "LAMINA_OFFLINE forbids to download them"
                                     : "were not to be downloaded"),
        by_hand(weights));
  }
  DownloadOptions download{.progress = options.on_progress};
  if (options.progress) {
    download.progress = [show = stderr_progress(std::string(weights.file) + ".pth"),
                         also = options.on_progress](std::int64_t done, std::int64_t total) {
      show(done, total);
      if (also) also(done, total);
    };
  }
  return download_weights(std::string(weights.model), std::string(weights.name), download);
}

// A cache may hold what another program broke off, under the name of the whole.
StateDict load_cached(const fs::path& path) {
  try {
    return load(path);
  } catch (const FormatError& error) {
    throw FormatError(error.code(), error.what(), "remove the file, and it is downloaded anew");
  }
}

ModelInfo load_published(VGG& module, const VggConfig& config, const VggOptions& options) {
  const PublishedWeights* weights = find_published(config.name, options.weights);
  LAMINA_REQUIRE(weights != nullptr, "[{}] there are no published weights {}", config.name,
                 options.weights);
  LAMINA_REQUIRE(options.num_classes == kImageNetClasses,
                 "[{}] weights {} have {} classes, num_classes is {}", config.name, weights->name,
                 kImageNetClasses, options.num_classes);
  const fs::path path = file_of(*weights, options);
  load_into(module, config, load_cached(path), path);
  ModelInfo info;
  info.weights = weights->name;
  info.transforms = weights->transforms;
  if (weights->has_classifier()) {
    info.metrics = {{"acc@1", weights->acc1_percent}, {"acc@5", weights->acc5_percent}};
  }
  return info;
}

}  // namespace

ModelInfo apply_weights(VGG& module, const VggConfig& config, const VggOptions& options) {
  ModelInfo info;
  if (const auto seed = parse_seed(options.weights)) {
    if (options.init_weights) initialize(module, *seed);
    if (!options.weights.empty()) info.weights = fmt::format("random:{}", *seed);
  } else if (is_published_name(options.weights)) {
    info = load_published(module, config, options);
  } else {
    info = load_file(module, config, options.weights);
  }
  if (!options.weights.empty()) module.eval();
  info.name = config.name;
  const bool features_only = info.weights == "IMAGENET1K_FEATURES";
  if (info.labels.empty() && options.num_classes == kImageNetClasses && !features_only) {
    info.labels = imagenet_labels();
  }
  return info;
}

}  // namespace detail
}  // namespace lamina::models
