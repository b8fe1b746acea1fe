// LPIPS: how different two pictures look to people, by the features of a VGG16 (Zhang and others,
// "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018). Net vgg,
// version 0.1, whose learned weights are in the library. docs/lpips.md
//
//   lamina::models::Lpips lpips(lamina::models::vgg16({.weights = "IMAGENET1K_V1"}));
//   double d = lpips.distance(vision::load_image("a.png"), vision::load_image("b.png")).distance;
//
// An Lpips is used by one thread at a time.
#pragma once

#include <lamina/core/device.h>
#include <lamina/core/export.h>
#include <lamina/core/tensor.h>
#include <lamina/models/model.h>
#include <lamina/models/vgg.h>
#include <lamina/vision/image.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lamina::models {

struct LpipsOptions {
  std::string device = "auto";     ///< of the convolutions; see SessionOptions
  std::string precision = "fp32";  ///< of the convolutions; less is no longer lpips' own number
  int threads = 0;                 ///< 0: available_threads()
  std::int64_t max_batch = 8;      ///< pairs a pass; of large pictures fewer
};

/// Of one pair: 0 for equal pictures, seldom above 1.
struct LpipsDistance {
  static constexpr int kStages = 5;

  double distance = 0;                   ///< the sum of the stages
  std::array<double, kStages> stages{};  ///< at relu1_2, relu2_2, relu3_3, relu4_3, relu5_3
};

class LAMINA_API Lpips {
 public:
  /// Pixels of the shorter side that pictures have at least.
  static constexpr std::int64_t kSmallestSide = 16;

  /// Keeps the weights of `vgg16` alive, not the module; the classifier is not used.
  /// Errors:   InvalidArgument where the module has not the features of VGG16 (without batch
  ///           normalisation); those of Session
  explicit Lpips(const nn::Module& vgg16, const LpipsOptions& options = {});
  ~Lpips();
  Lpips(Lpips&&) noexcept;
  Lpips& operator=(Lpips&&) noexcept;

  /// Of a[i] and b[i].
  /// Shapes:   a and b alike, [n, 3, h, w], f32, RGB from -1 to 1; n >= 0, h and w at least 16
  /// Errors:   InvalidArgument for any other shape or dtype
  /// Numerics: within 1e-5 of lpips 0.1.4 in fp32, relative to the distance; a pair has the same
  ///           bits alone and in any batch, on any number of threads
  /// Source:   lpips.LPIPS(net='vgg', version='0.1').forward()
  std::vector<LpipsDistance> distances(const Tensor& a, const Tensor& b);
  /// Errors:   InvalidArgument where the pictures differ in size, or are too small
  LpipsDistance distance(const vision::Image& a, const vision::Image& b);

  Device device() const;
  int threads() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A picture as Lpips takes it: pixel / 127.5 - 1, rounded once.   lpips.im2tensor()
/// Shapes:   [height, width, 3] -> [1, 3, height, width]
LAMINA_API Tensor lpips_input(const vision::Image& image);

/// VGG16 for an Lpips: as vgg16() makes it, but a file may have any classifier, or none.
/// Errors:   those of vgg16()
LAMINA_API Model lpips_vgg16(const VggOptions& options);

}  // namespace lamina::models
