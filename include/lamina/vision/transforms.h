// From an image to what a classifier eats: torchvision's classification preset, step by step and
// as a whole, bit for bit as torchvision computes it on a PIL image.
//
//   Tensor x = preprocess(load_image("cat.jpg"));   // [3, 224, 224]
#pragma once

#include <lamina/core/export.h>
#include <lamina/core/tensor.h>
#include <lamina/vision/image.h>

#include <array>
#include <cstdint>

namespace lamina::vision {

/// The defaults are those of torchvision's VGG weights, IMAGENET1K_V1.
struct Transforms {
  std::int64_t resize = 256;  ///< length of the shorter side; 0 leaves the size alone
  std::int64_t crop = 224;    ///< side of the central square; 0 keeps the whole image
  std::array<float, 3> mean{0.485F, 0.456F, 0.406F};
  std::array<float, 3> std{0.229F, 0.224F, 0.225F};
};

struct Size {
  std::int64_t width = 0, height = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

/// The size that scales the shorter side to `shorter_side`; the longer one is cut to an integer.
/// Errors:   InvalidArgument if a length is not positive or the result does not fit 64 bits
LAMINA_API Size scaled_size(Size size, std::int64_t shorter_side);

/// The image with its shorter side at `size` pixels.   torchvision.transforms.functional.resize
LAMINA_API Image resize_shorter_side(const Image& image, std::int64_t size);

/// The central square of `size` pixels; black where the image is smaller than that. An odd margin
/// is split as Python rounds halves, to even.   torchvision.transforms.functional.center_crop
LAMINA_API Image center_crop(const Image& image, std::int64_t size);

/// ((pixel / 255) - mean) / std, each step rounded to float32.
/// Shapes:   image [h, w, 3] -> out [3, h, w]
/// Requires: out holds 3 * h * w floats (unchecked)
/// Errors:   InvalidArgument if a std is zero
LAMINA_API void normalize_into(const Image& image, const Transforms& transforms, float* out);

/// Height and width of what `preprocess` gives for an image of this size.
LAMINA_API Size preprocessed_size(Size size, const Transforms& transforms);

/// Resize, crop, scale and normalise.
/// Shapes:   -> [3, crop, crop] f32; [3, h, w] where transforms.crop is 0
/// Errors:   InvalidArgument if the image is empty or the transforms make no sense
LAMINA_API Tensor preprocess(const Image& image, const Transforms& transforms = {});

/// The same into a caller's memory, such as one image's place in a batch.
/// Requires: out holds 3 * h * w floats of preprocessed_size() (unchecked)
LAMINA_API void preprocess_into(const Image& image, const Transforms& transforms, float* out);

}  // namespace lamina::vision
