#include "python/src/arrays.h"
#include "python/src/bind.h"
#include "python/src/calls.h"

#include <lamina/core/error.h>
#include <lamina/vision/decode.h>
#include <lamina/vision/transforms.h>

#include <nanobind/stl/array.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <string>

namespace lamina::python {
namespace {

using vision::Image;
using vision::Transforms;

Image load_image(const std::filesystem::path& path, bool exif) {
  return without_gil([&] { return vision::load_image(path, {.apply_exif_orientation = exif}); });
}

Image decode_image(const nb::bytes& bytes, const std::string& name, bool exif) {
  const std::span view(static_cast<const std::byte*>(bytes.data()), bytes.size());
  return without_gil(
      [&] { return vision::decode_image(view, name, {.apply_exif_orientation = exif}); });
}

Image image_from_array(nb::handle array) {
  const Tensor pixels = from_array(array, "the image");
  if (pixels.rank() != 3 || pixels.size(2) != Image::kChannels || pixels.dtype() != DType::u8) {
    throw InvalidArgument(std::string("[python] the image is ") + to_string(pixels.dtype()) + " " +
                          to_string(pixels.shape()) + ", expected u8 [height, width, 3]");
  }
  const Tensor rows = pixels.contiguous();
  const auto values = rows.values<std::uint8_t>();
  return {
      .width = pixels.size(1), .height = pixels.size(0), .pixels = {values.begin(), values.end()}};
}

nb::object preprocess(const Image& image, const Transforms& transforms) {
  return to_numpy(without_gil([&] { return vision::preprocess(image, transforms); }), false);
}

nb::object pixels_of(const Image& image) {
  const Shape shape{image.height, image.width, Image::kChannels};
  return to_numpy(Tensor::from(image.pixels, shape), false);
}

}  // namespace

void bind_vision(nb::module_& module) {
  nb::class_<Transforms>(module, "Transforms",
                         "Shorter side to ``resize``, central square of ``crop``, (x/255 - mean) / "
                         "std; a 0 leaves the step out.")
      .def(
          "__init__",
          [](Transforms* self, std::int64_t resize, std::int64_t crop,
             const std::array<float, 3>& mean, const std::array<float, 3>& std) {
            new (self) Transforms{.resize = resize, .crop = crop, .mean = mean, .std = std};
          },
          nb::arg("resize") = 256, nb::arg("crop") = 224, nb::arg("mean") = Transforms().mean,
          nb::arg("std") = Transforms().std)
      .def_rw("resize", &Transforms::resize)
      .def_rw("crop", &Transforms::crop)
      .def_rw("mean", &Transforms::mean)
      .def_rw("std", &Transforms::std)
      .def("__repr__", [](nb::handle self) {
        return nb::str("Transforms(resize={}, crop={}, mean={}, std={})")
            .format(self.attr("resize"), self.attr("crop"), self.attr("mean"), self.attr("std"));
      });
  nb::class_<Image>(module, "Image", "A decoded picture, 8-bit RGB.")
      .def_ro("width", &Image::width)
      .def_ro("height", &Image::height)
      .def("numpy", &pixels_of, nb::sig("def numpy(self) -> numpy.ndarray"),
           "A copy of the pixels, uint8 [height, width, 3].");
  module.def("load_image", &load_image, nb::arg("path"), nb::arg("exif") = false,
             "Decodes a JPEG, PNG, BMP or GIF file as ``PIL.Image.open(path).convert(\"RGB\")``; "
             "``exif`` turns it upright.");
  module.def("decode_image", &decode_image, nb::arg("data"), nb::arg("name") = "bytes",
             nb::arg("exif") = false, "The same for a file in memory, which messages call `name`.");
  module.def("image_from_array", &image_from_array, nb::arg("array").none(),
             nb::sig("def image_from_array(array: object) -> Image"),
             "A copy of uint8 [height, width, 3].");
  module.def("preprocess_image", &preprocess, nb::arg("image"), nb::arg("transforms"),
             nb::sig("def preprocess_image(image: Image, transforms: Transforms) -> numpy.ndarray"),
             "float32 [3, height, width].");
}

}  // namespace lamina::python
