// The answer for one image, and how it is written in each format.
#pragma once

#include <lamina/core/tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lamina::tools {

struct NamedScore {
  std::int64_t index = 0;
  std::string label;  ///< empty where the model has no labels
  float probability = 0, logit = 0;
};

struct Result {
  std::string path;
  std::string error;  ///< empty: fine, and the rest holds
  std::int64_t width = 0, height = 0;
  std::vector<NamedScore> top;
  std::span<const float> logits;  ///< all of them
  Tensor activation;    ///< of the heat map's layer, [1, c, h, w]; undefined: not asked for
  std::string heatmap;  ///< the file; empty: none
  double decode_ms = 0, preprocess_ms = 0, infer_ms = 0;
};

/// What holds for all results of a run.
struct RunInfo {
  std::string model, weights, device, precision;
};

/// Text for the results of a run: begin(), record() for each in order, end().
class ResultFormat {
 public:
  virtual ~ResultFormat() = default;
  virtual std::string begin(const RunInfo&) { return {}; }
  virtual std::string record(const Result& result) = 0;
  virtual std::string end() { return {}; }
  /// Whether a person reads it rather than a program.
  virtual bool is_text() const { return false; }

  /// "text", "json", "jsonl", "csv". with_logits: all logits too, where the format has a place.
  static std::unique_ptr<ResultFormat> make(const std::string& name, bool with_logits);
};

}  // namespace lamina::tools
