// Grad-CAM: which parts of a picture speak for a class, as a map over the picture.
//
// The map is the sum of a layer's channels, each weighted by how much the class's logit grows with
// it on average; what speaks against the class is cut off at 0. The gradients are computed by
// plain functions, one for each kind of layer: there is no autograd, and no layer records anything.
//
//   GradCam cam(model);                                  // at features.30, for a VGG16
//   GradCamMap map = cam.explain(image);                 // [1, 3, h, w]; of the best class
//   Tensor over_image = scale_map(map.map, 224, 224);    // in [0, 1]
#pragma once

#include <lamina/core/export.h>
#include <lamina/nn/module.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace lamina {

struct GradCamOptions {
  /// Dotted name of the module whose channels are weighed; its output is [1, c, h, w]. Empty: the
  /// last child of `features`, which is what users of the grad-cam package take for a VGG.
  std::string layer = {};
  int threads = 0;  ///< 0: available_threads()
};

struct GradCamMap {
  std::int64_t class_index = 0;
  Tensor logits;      ///< [1, classes]
  Tensor activation;  ///< of the layer, [1, c, h, w]
  Tensor gradient;    ///< of the class's logit with respect to it, [1, c, h, w]
  Tensor map;         ///< max(0, sum over c of mean(gradient[c]) * activation[c]), [h, w]
};

/// On the processor, in float32 and by convolutions without Winograd, whatever a Session of the
/// same model runs on: a gradient jumps where a ReLU's input changes its sign, so rounding matters
/// more than it does to logits. Used by one thread at a time.
class LAMINA_API GradCam {
 public:
  /// Requires: module is in eval mode, and outlives the GradCam where one of its layers does not
  /// say how it runs in a plan. Throws InvalidArgument for a layer that does not exist (the hint is
  /// the nearest name), and where no layer is given and the model has no `features`.
  explicit GradCam(const nn::Module& module, const GradCamOptions& options = {});
  ~GradCam();
  GradCam(GradCam&&) noexcept;
  GradCam& operator=(GradCam&&) noexcept;

  const std::string& layer() const;

  /// Of one image, [1, c, h, w]; without a class, of the one with the largest logit.
  /// Errors:   InvalidArgument where the input does not fit the model, the layer's output is no
  ///           [1, c, h, w], the model's is no [1, classes], or there is no such class;
  ///           Unsupported, by its name, for a module behind the layer that has no gradient.
  /// Numerics: gradient and map agree with PyTorch's autograd to 1e-4 of the largest on all VGGs
  /// Source:   Selvaraju et al., "Grad-CAM: visual explanations from deep networks via
  ///           gradient-based localization", ICCV 2017
  GradCamMap explain(const Tensor& image, std::optional<std::int64_t> class_index = {});
  /// The same from the layer's output, where somebody has it: Session::output(layer()), say.
  GradCamMap explain_activation(const Tensor& activation,
                                std::optional<std::int64_t> class_index = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A map as a picture's mask: shifted and scaled so that it runs from 0 to 1 (a map of equal values
/// gives 0), bilinearly resized, and scaled again.
/// Shapes:   map [h, w] -> [height, width], f32
/// Errors:   InvalidArgument for another rank or dtype, an empty map or a size below 1
/// Source:   scale_cam_image of the grad-cam package, as its GradCAM calls it; the resizing is
///           cv2.resize's
LAMINA_API Tensor scale_map(const Tensor& map, std::int64_t height, std::int64_t width);

}  // namespace lamina
