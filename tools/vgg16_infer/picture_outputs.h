// What a run makes to be looked at: the files of --heatmap and the page of --report.
#pragma once

#include "tools/support/console.h"
#include "tools/vgg16_infer/heatmaps.h"
#include "tools/vgg16_infer/image_queue.h"
#include "tools/vgg16_infer/report.h"
#include "tools/vgg16_infer/result.h"

#include <lamina/models/model.h>

#include <optional>
#include <string>
#include <vector>

namespace lamina::tools {

class PictureOutputs {
 public:
  /// Errors: those of HeatMaps and HeatMapFiles.
  PictureOutputs(const Model& model, const InferOptions& options, const std::vector<Input>& inputs);

  const std::string& layer() const { return heat_maps_.layer(); }
  /// Begins the page. Errors: OutputError.
  void begin(const RunInfo& run);
  /// For an image that was classified, result.heatmap among it, or that failed.
  void add(const ReadyImage& image, Result& result);
  void finish(const Console& console);

 private:
  std::string label_of(std::int64_t class_index) const;

  std::string report_path_;
  std::vector<std::string> labels_;
  HeatMaps heat_maps_;
  std::optional<HeatMapFiles> files_;
  std::optional<Report> report_;
  std::int64_t empty_ = 0;
};

}  // namespace lamina::tools
