// How far two maps of features are apart: LPIPS's distance of one stage, on tensors.
#pragma once

#include <lamina/core/tensor.h>

#include <vector>

namespace lamina::nn::detail {

class FeatureDistance {
 public:
  /// The mean over the pixels of the weighted squared difference of a's and b's normalised
  /// channels; see kernels/lpips_distance.h.
  /// Shapes:   a and b [c, h, w], weight of c elements; f32, contiguous
  /// Errors:   InvalidArgument where the shapes differ
  /// Numerics: the bits do not depend on the threads
  double operator()(const Tensor& a, const Tensor& b, const Tensor& weight, int threads);

 private:
  std::vector<float> map_;  // a value a pixel; kept so that a later call need not allocate
};

}  // namespace lamina::nn::detail
