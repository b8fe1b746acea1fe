#include <lamina/vision/decode.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/repair.h"

using namespace lamina;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, data + size);
  fuzz::repair_png(bytes);
  constexpr std::int64_t kMaxPixels = 1 << 18;
  for (const bool upright : {false, true}) {
    fuzz::attempt([&] {
      const vision::Image image =
          vision::decode_image(std::as_bytes(std::span(bytes)), "input",
                               {.max_pixels = kMaxPixels, .apply_exif_orientation = upright});
      fuzz::expect(image.width > 0 && image.height > 0, "an image has pixels");
      fuzz::expect(image.width * image.height <= kMaxPixels, "an image keeps to the limit");
      fuzz::expect(image.pixels.size() == static_cast<std::size_t>(image.width * image.height * 3),
                   "an image has the pixels that its size says");
    });
  }
  return 0;
}
