#include "tools/vgg16_infer/picture_outputs.h"

#include <fmt/format.h>

namespace lamina::tools {

PictureOutputs::PictureOutputs(const Model& model, const InferOptions& options,
                               const std::vector<Input>& inputs)
    : report_path_(options.report), labels_(model.info().labels), heat_maps_(model, options) {
  if (!options.heatmap.empty()) files_.emplace(options.heatmap, inputs);
}

void PictureOutputs::begin(const RunInfo& run) {
  if (!report_path_.empty()) report_.emplace(report_path_, run, layer());
}

std::string PictureOutputs::label_of(std::int64_t class_index) const {
  const auto at = static_cast<std::size_t>(class_index);
  return at < labels_.size() ? labels_[at] : fmt::format("class {}", class_index);
}

void PictureOutputs::add(const ReadyImage& image, Result& result) {
  if (!image.error.empty()) {
    if (report_) report_->add_failure(image.input->path, image.error);
    return;
  }
  const std::int64_t best = result.top.empty() ? 0 : result.top.front().index;
  const HeatMap heat = heat_maps_.make(result.activation, best, image.pixels.shape());
  empty_ += heat.empty ? 1 : 0;
  if (files_) result.heatmap = files_->write(image.input->path, *image.shown, heat);
  if (report_) report_->add(result, *image.shown, heat, label_of(heat.class_index));
}

void PictureOutputs::finish(const Console& console) {
  if (report_) report_->finish();
  if (empty_ > 0) {
    console.note("{} heat maps are empty: nothing at {} speaks for the class", empty_, layer());
  }
}

}  // namespace lamina::tools
