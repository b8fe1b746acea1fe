// A measurement as a row of named values, and the formats in which rows are written.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::tools {

/// The names are those of JSON and CSV; an absent value is null there and empty in CSV. Times are
/// wall clock but gpu_*, which the device's own events give.
struct Row {
  std::string engine = "lamina", device, precision;
  int threads = 0;
  std::int64_t batch = 0;
  std::int64_t n = 0;  ///< runs measured
  double min_ms = 0, p50_ms = 0, p90_ms = 0, p99_ms = 0;
  std::optional<double> images_per_s, gflops;  ///< at the median
  std::optional<double> peak_percent;          ///< gflops, of what this machine was measured to do
  std::optional<double> load_ms, peak_rss_mib;
  std::optional<double> max_rel_error;  ///< of the logits, relative to the largest
  // What peers' rows do not have.
  std::string mode, model;
  std::optional<double> gpu_min_ms, gpu_p50_ms;
  std::string layer, plan;
  std::int64_t size = 0;              ///< pixels of an image's side
  std::optional<double> expected_ms;  ///< by the plan's estimate and the measured ceilings
  double spread_percent = 0;          ///< half the distance of the quartiles, of the median
};

/// From this spread on a row says that it is noisy.
inline constexpr double kNoisyPercent = 3;

/// "md", "csv", "json" or "jsonl". Rows can be written one by one, but for md, whose columns are as
/// wide as their widest cell.
class RowWriter {
 public:
  explicit RowWriter(std::string format) : format_(std::move(format)) {}

  /// What to print before the first row, for each row, and after the last.
  std::string begin() const;
  std::string row(const Row& row);
  std::string end() const;

 private:
  std::string format_;
  std::vector<Row> rows_;
};

}  // namespace lamina::tools
