#include "tools/vgg16_infer/calibrate.h"

#include "tools/support/failure.h"
#include "tools/support/interrupt.h"
#include "tools/support/progress.h"
#include "tools/vgg16_infer/image_queue.h"

#include <lamina/nn/session.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace lamina::tools {
namespace {

std::vector<Input> pictures_of(const std::string& directory, const Console& console) {
  InferOptions options;
  options.inputs = {directory};
  options.recursive = true;
  return collect_inputs(options, console);
}

void check_finite(const InputRanges& ranges, const std::string& path) {
  for (const auto& [name, range] : ranges) {
    if (std::isfinite(range)) continue;
    throw UsageError(fmt::format("a value that is not finite reaches {} from {}", name, path),
                     "are the weights whole? lamina-convert inspect --stats FILE");
  }
}

}  // namespace

InputRanges calibrate(const Model& model, const CalibrateOptions& options, const Context& context) {
  const std::vector<Input> inputs = pictures_of(options.directory, context.console);
  ImageQueue queue(inputs, {.transforms = model.info().transforms,
                            .decode = {.apply_exif_orientation = options.exif},
                            .workers = static_cast<int>(worker_count(0))});
  Session session(
      model,
      {.device = "cpu", .threads = static_cast<int>(options.threads), .record_input_ranges = true});
  Progress progress("calibrate", Progress::Unit::images, context.progress);
  const auto count = static_cast<std::int64_t>(inputs.size());
  std::int64_t done = 0, used = 0;
  while (const std::optional<ReadyImage> image = queue.next()) {
    throw_if_interrupted();
    if (image->error.empty()) {
      const Shape& shape = image->pixels.shape();
      session.run(image->pixels.reshape({1, shape[0], shape[1], shape[2]}));
      check_finite(session.input_ranges(), image->input->path);
      ++used;
    } else {
      context.console.warning("left out of the calibration: {}", image->error);
    }
    progress.update(++done, count);
  }
  if (used == 0) throw UsageError("no picture to calibrate with: " + options.directory);
  context.console.note("calibrated on {} {}: {}", used, used == 1 ? "picture" : "pictures",
                       options.directory);
  return session.input_ranges();
}

}  // namespace lamina::tools
