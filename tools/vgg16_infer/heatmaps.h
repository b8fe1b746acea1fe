// What a class looks at: a map for each picture, and the files of --heatmap.
#pragma once

#include "tools/vgg16_infer/inputs.h"
#include "tools/vgg16_infer/options.h"
#include "tools/vgg16_infer/pictures.h"

#include <lamina/models/model.h>
#include <lamina/nn/grad_cam.h>

#include <optional>
#include <string>
#include <vector>

namespace lamina::tools {

/// A map, or none.
struct HeatMap {
  Tensor map;   ///< of the layer, [h, w]; undefined: there is none
  Tensor mask;  ///< as large as the net's input, in [0, 1]
  std::int64_t class_index = 0;
  /// Nothing at the layer speaks for the class: the map is 0 everywhere.
  bool empty = false;
};

class HeatMaps {
 public:
  /// Errors: UsageError for a layer that is none, or a class that the model has not.
  HeatMaps(const Model& model, const InferOptions& options);

  const std::string& layer() const { return cam_.layer(); }
  /// From the layer's output for one image, [1, c, h, w]. `best` is the class to look at where the
  /// options name none. Errors: UsageError where no map can be had at the layer.
  HeatMap make(const Tensor& activation, std::int64_t best, const Shape& input);

 private:
  std::optional<std::int64_t> class_index_;
  GradCam cam_;
};

/// DIR/<stem>.png and DIR/<stem>.npy for each picture.
class HeatMapFiles {
 public:
  /// Makes the directory. Errors: OutputError; UsageError where two inputs have one stem.
  HeatMapFiles(std::string directory, const std::vector<Input>& inputs);

  /// Writes both files; gives the picture's path.
  std::string write(const std::string& input, const ShownPicture& picture, const HeatMap& heat);

 private:
  std::string directory_;
};

/// The files' name without an extension: "cat" for "a/cat.jpg", "stdin" for "-".
std::string heat_map_stem(const std::string& input);

}  // namespace lamina::tools
