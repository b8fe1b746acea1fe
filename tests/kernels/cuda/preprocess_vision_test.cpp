// The device's preprocessing beside vision/'s own: preprocess_cases.cpp has a judge that needs no
// vision/, so that a machine with a GPU can run it; here the judge is the real one.
#include "kernels/cuda/preprocess.h"
#include "tests/kernels/cuda/device_axis.h"

#include <lamina/vision/transforms.h>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

namespace lamina::kernels::cuda {
namespace {

vision::Image picture(std::int64_t w, std::int64_t h) {
  vision::Image image{w, h, {}};
  for (const float value : whole_numbers(w * h * 3, 127, 9)) {
    image.pixels.push_back(static_cast<std::uint8_t>(value + 128));
  }
  return image;
}

// What a crop keeps of an axis, and the black in front of it: torchvision's center_crop.
struct Kept {
  std::int64_t from, count, before;
};

Kept kept_of(std::int64_t length, std::int64_t crop) {
  if (length < crop) return {0, length, (crop - length) / 2};
  return {static_cast<std::int64_t>(std::nearbyint(static_cast<double>(length - crop) / 2)), crop,
          0};
}

std::vector<float> on_device(const vision::Image& image, const vision::Transforms& transforms) {
  const vision::Size from{image.width, image.height};
  const vision::Size to = transforms.resize == 0 ? from : scaled_size(from, transforms.resize);
  const vision::Size result = preprocessed_size(from, transforms);
  const Kept across = kept_of(to.width, result.width), down = kept_of(to.height, result.height);
  const DeviceAxis columns =
      upload_axis({from.width, to.width, across.from, across.count}, from.width);
  const DeviceAxis rows = upload_axis({from.height, to.height, down.from, down.count}, from.height);
  PreprocessProblem problem{.columns = columns.axis,
                            .rows = rows.axis,
                            .rows_first = goes_down_first(from, to),
                            .w = result.width,
                            .h = result.height,
                            .left = across.before,
                            .top = down.before,
                            .output = {}};
  std::copy(transforms.mean.begin(), transforms.mean.end(), problem.mean);
  std::copy(transforms.std.begin(), transforms.std.end(), problem.std);

  const DeviceMemory input =
      upload_bytes(image.pixels.data(), static_cast<std::int64_t>(image.pixels.size()));
  const DeviceMemory workspace(preprocess_workspace_bytes(problem));
  const DeviceArray output = DeviceArray::untouched(Element::f32, 3 * result.width * result.height);
  Stream stream;
  preprocess(stream, problem, input.as<const std::uint8_t>(), output.data(), workspace.data());
  CHECK(output.complaint() == "");
  return output.read();
}

struct Example {
  const char* name;
  std::int64_t w, h, resize, crop;
};

}  // namespace

TEST_CASE("cuda kernels: preprocessing gives what vision::preprocess gives, to the bit",
          "[cuda][preprocess]") {
  for (const Example& each : {Example{"one pixel", 1, 1, 16, 12},
                              {"a line down", 1, 50, 4, 9},
                              {"a line across", 50, 1, 5, 5},
                              {"enlarged", 9, 13, 20, 17},
                              {"shrunk", 37, 29, 16, 14},
                              {"shrunk a lot", 97, 83, 7, 6},
                              {"tall, rows first", 11, 90, 10, 9},
                              {"in a frame", 20, 15, 9, 16},
                              {"odd margins", 15, 17, 0, 10},
                              {"neither resized nor cropped", 8, 7, 0, 0},
                              {"resized only", 31, 22, 13, 0}}) {
    INFO(each.name);
    const vision::Image image = picture(each.w, each.h);
    const vision::Transforms transforms{.resize = each.resize, .crop = each.crop};
    const Tensor expected = vision::preprocess(image, transforms);
    const float* values = expected.data<float>();
    CHECK(on_device(image, transforms) == std::vector<float>(values, values + expected.numel()));
  }
}

}  // namespace lamina::kernels::cuda
