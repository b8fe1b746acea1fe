// A model's configuration as the server hands it over: JSON of what config.pbtxt says, completed
// from the model, and checked against it. docs/triton.md has the parameters.
#pragma once

#include "triton/signature.h"

#include <lamina/models/model.h>

#include <cstdint>
#include <string>
#include <vector>

namespace lamina::triton {

struct ServingConfig {
  std::int64_t max_batch = 0;       ///< images of one batch; 0: a request is one image, [c, h, w]
  std::vector<std::int64_t> image;  ///< [c, h, w]; -1 for any height or width
  std::int64_t classes = 0;
  std::string precision = "fp32";  ///< for SessionOptions, which knows which there are
  int threads = 0;                 ///< of each instance; 0: all

  bool any_size() const { return image[1] < 0 || image[2] < 0; }
};

/// The file of a version's folder that holds the model: default_model_filename, "model.lamina".
std::string model_file_name(const std::string& config);

/// The configuration with what was left out: input, output, and where neither was given and there
/// is no max_batch_size, batches of 8; dynamic batching where there are batches and no scheduler
/// was chosen.
std::string completed_config(const std::string& config, const Signature& signature);

/// Errors:   InvalidArgument that names the first thing the model does not fit, or an unknown
///           parameter; Unsupported for features of Triton that mean nothing here
ServingConfig read_config(const std::string& config, const Model& model);

}  // namespace lamina::triton
