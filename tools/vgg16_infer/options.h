// What vgg16-infer is asked to do.
#pragma once

#include "tools/support/command.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lamina::tools {

struct InferOptions {
  std::vector<std::string> inputs;
  bool recursive = false;
  std::string shard, resume;

  std::string model = "vgg16", weights;  ///< weights empty: the default of the model
  std::string labels;

  std::int64_t topk = 5;
  bool logits = false;
  std::string format, output;  ///< format empty: text, or jsonl with --resume
  std::vector<std::string> features;
  std::string features_out, logits_out, save_input;
  std::string heatmap, heatmap_layer, report;
  std::int64_t heatmap_class = -1;  ///< -1: each picture's best

  /// Whether a picture's heat map is to be computed.
  bool wants_heat_maps() const { return !heatmap.empty() || !report.empty(); }

  std::int64_t resize = -1, crop = -1;  ///< -1: as the weights say
  std::optional<std::array<float, 3>> mean, std;
  bool exif = false;

  std::string device = "auto", precision = "fp32";
  std::string calibrate;                             ///< a directory of pictures
  std::int64_t threads = 0, batch = 0, workers = 0;  ///< 0: as many as make sense

  bool summary = false, print_model = false, profile = false;
};

/// The table of options, bound to `options`, which must outlive it.
Command infer_command(InferOptions& options);

/// Throws UsageError where options contradict each other; fills in what follows from others.
void check_options(InferOptions& options);

}  // namespace lamina::tools
