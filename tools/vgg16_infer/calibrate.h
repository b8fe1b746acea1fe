// Example pictures through a model in float32, to learn how large each layer's inputs become.
#pragma once

#include "tools/support/run_main.h"

#include <lamina/models/model.h>

#include <cstdint>
#include <string>

namespace lamina::tools {

struct CalibrateOptions {
  std::string directory;  ///< of pictures, subdirectories included
  std::int64_t threads = 0;
  bool exif = false;
};

/// On the processor, one picture at a time, prepared as the model's transforms say. Pictures that
/// cannot be read are warned of and left out. Throws UsageError where no picture is left, and where
/// the model makes a value that is not finite of one.
InputRanges calibrate(const Model& model, const CalibrateOptions& options, const Context& context);

}  // namespace lamina::tools
