#include "capi/guard.h"
#include "capi/handles.h"
#include "core/checked_math.h"
#include "core/require.h"

#include <lamina/vision/decode.h>
#include <lamina/vision/transforms.h>

#include <cstring>

namespace lamina::capi {
namespace {

void preprocess(const lamina_model& model, const vision::Image& image, float* out,
                std::size_t capacity, const char* function) {
  const vision::Transforms& transforms = model.model.info().transforms;
  const vision::Size size = vision::preprocessed_size({image.width, image.height}, transforms);
  const auto count = static_cast<std::size_t>(3 * size.width * size.height);
  LAMINA_REQUIRE(capacity >= count, "[{}] place for {} floats, [3, {}, {}] are {}", function,
                 capacity, size.height, size.width, count);
  vision::preprocess_into(image, transforms, out);
}

// Rows may have gaps between them.
vision::Image copy_of(const std::uint8_t* pixels, std::int64_t width, std::int64_t height,
                      std::int64_t row_bytes) {
  constexpr const char* kFunction = "lamina_preprocess_rgb";
  LAMINA_REQUIRE(width > 0 && height > 0, "[{}] a picture of {}x{}", kFunction, width, height);
  const auto used = checked_mul(width, std::int64_t{3});
  LAMINA_REQUIRE(used && row_bytes >= *used, "[{}] rows of {} pixels, {} bytes apart", kFunction,
                 width, row_bytes);
  const auto total = checked_mul(*used, height);
  LAMINA_REQUIRE(total.has_value(), "[{}] a picture of {}x{}", kFunction, width, height);
  vision::Image image{.width = width, .height = height, .pixels = {}};
  image.pixels.resize(static_cast<std::size_t>(*total));
  for (std::int64_t y = 0; y < height; ++y) {
    std::memcpy(image.row(y), pixels + y * row_bytes, static_cast<std::size_t>(*used));
  }
  return image;
}

}  // namespace
}  // namespace lamina::capi

using lamina::capi::guard;
using lamina::capi::require_pointer;

lamina_status lamina_model_input_shape(const lamina_model* model, int64_t shape[3]) {
  return guard([&] {
    require_pointer(model, "lamina_model_input_shape", "model");
    require_pointer(shape, "lamina_model_input_shape", "shape");
    const lamina::vision::Transforms& transforms = model->model.info().transforms;
    if (transforms.crop == 0) {
      throw lamina::Unsupported(
          "[lamina_model_input_shape] the model's preprocessing does not crop: the input is as "
          "large as the picture");
    }
    shape[0] = 3;
    shape[1] = shape[2] = transforms.crop;
  });
}

lamina_status lamina_preprocess_file(const lamina_model* model, const char* path, float* out,
                                     size_t capacity) {
  constexpr const char* kFunction = "lamina_preprocess_file";
  return guard([&] {
    require_pointer(model, kFunction, "model");
    require_pointer(path, kFunction, "path");
    require_pointer(out, kFunction, "out");
    lamina::capi::preprocess(*model, lamina::vision::load_image(path), out, capacity, kFunction);
  });
}

lamina_status lamina_preprocess_bytes(const lamina_model* model, const void* bytes,
                                      size_t size_bytes, const char* name, float* out,
                                      size_t capacity) {
  constexpr const char* kFunction = "lamina_preprocess_bytes";
  return guard([&] {
    require_pointer(model, kFunction, "model");
    require_pointer(out, kFunction, "out");
    if (size_bytes > 0) require_pointer(bytes, kFunction, "bytes");
    const std::span<const std::byte> file(static_cast<const std::byte*>(bytes), size_bytes);
    lamina::capi::preprocess(*model,
                             lamina::vision::decode_image(file, name != nullptr ? name : "memory"),
                             out, capacity, kFunction);
  });
}

lamina_status lamina_preprocess_rgb(const lamina_model* model, const uint8_t* pixels, int64_t width,
                                    int64_t height, int64_t row_bytes, float* out,
                                    size_t capacity) {
  constexpr const char* kFunction = "lamina_preprocess_rgb";
  return guard([&] {
    require_pointer(model, kFunction, "model");
    require_pointer(pixels, kFunction, "pixels");
    require_pointer(out, kFunction, "out");
    lamina::capi::preprocess(*model, lamina::capi::copy_of(pixels, width, height, row_bytes), out,
                             capacity, kFunction);
  });
}
