// What lamina-bench is asked to measure.
#pragma once

#include "tools/support/command.h"

#include <cstdint>
#include <string>
#include <vector>

namespace lamina::tools {

struct BenchOptions {
  std::string model = "vgg16", weights;  ///< weights empty: random:0 for a name
  std::string device = "auto", precision = "fp32";
  std::vector<std::int64_t> batches = {1}, threads = {0};  ///< 0: all there are
  std::vector<std::string> modes = {"latency"};
  std::int64_t size = 0;  ///< pixels of a side; 0: as the model's transforms say
  double min_s = 1;
  std::string format = "md", output;
  std::vector<std::string> images;  ///< for mode e2e
  std::string input;                ///< for turns: images [n, 3, h, w], normalised
  std::vector<std::string> compared;
};

/// The table of options, bound to `options`, which must outlive it.
Command bench_command(BenchOptions& options);

}  // namespace lamina::tools
