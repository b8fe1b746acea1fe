// The page of --report: each picture, its classes as bars and its heat map, in one file that needs
// nothing else: no script, no network, no other file.
#pragma once

#include "tools/support/output.h"
#include "tools/vgg16_infer/heatmaps.h"
#include "tools/vgg16_infer/result.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lamina::tools {

/// Written as the pictures come; memory does not grow with them. The file appears when finish() is
/// called. Errors: OutputError.
class Report {
 public:
  Report(const std::string& path, const RunInfo& run, const std::string& layer);

  /// `label` is the name of the heat map's class, or its number.
  void add(const Result& result, const ShownPicture& picture, const HeatMap& heat,
           const std::string& label);
  void add_failure(const std::string& path, const std::string& error);
  void finish();

 private:
  std::unique_ptr<Output> output_;
  std::int64_t pictures_ = 0;
  std::vector<std::pair<std::string, std::string>> failures_;  // path, error
};

/// Where the map is largest, for those who do not see it: "at the upper left", "in the middle".
std::string place_of_largest(const Tensor& map);

/// The page's style sheet.
extern const char* const kReportStyle;

}  // namespace lamina::tools
