#include "tools/lamina_lpips/measure.h"

#include "tools/lamina_lpips/pairs.h"
#include "tools/lamina_lpips/row.h"
#include "tools/support/about.h"
#include "tools/support/failure.h"
#include "tools/support/interrupt.h"
#include "tools/support/output.h"
#include "tools/vgg16_infer/image_queue.h"

#include <lamina/models/lpips.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace lamina::tools {
namespace {

// Two pictures that are ready, or the reason why they are not compared.
struct ReadyPair {
  ReadyImage a, b;
  std::string error, hint;
};

ReadyPair check_pair(ReadyImage a, ReadyImage b) {
  ReadyPair pair{std::move(a), std::move(b), {}, {}};
  const ReadyImage& failed = pair.a.error.empty() ? pair.b : pair.a;
  pair.error = failed.error;
  pair.hint = failed.hint;
  if (!pair.error.empty()) return pair;
  const auto size = [](const ReadyImage& image) {
    return fmt::format("{} is {}x{}", image.input->path, image.width, image.height);
  };
  if (pair.a.pixels.shape() != pair.b.pixels.shape()) {
    pair.error =
        fmt::format("[lpips] the pictures differ in size: {}, {}", size(pair.a), size(pair.b));
    pair.hint = "resize one of them first; how that is done is part of the answer";
  } else if (std::min(pair.a.width, pair.a.height) < models::Lpips::kSmallestSide) {
    constexpr std::int64_t kSide = models::Lpips::kSmallestSide;
    pair.error = fmt::format("[lpips] smaller than {}x{} pixels: {}, {}", kSide, kSide,
                             size(pair.a), size(pair.b));
  }
  return pair;
}

Model load_vgg16(const LpipsToolOptions& options, const Context& context) {
  Progress progress("download", Progress::Unit::bytes, context.progress);
  Model model = models::lpips_vgg16(
      {.weights = options.weights, .on_progress = progress.resuming_callback()});
  if (model.info().weights.starts_with("random:")) {
    context.console.warning("the weights are random: the distances are not LPIPS");
  }
  return model;
}

class Job {
 public:
  Job(const LpipsToolOptions& options, const Context& context)
      : options_(options),
        context_(context),
        inputs_(collect_pairs(options, context.console)),
        output_(options.output.empty() ? Output::to_stdout() : Output::to_file(options.output)),
        model_(load_vgg16(options, context)),
        lpips_(model_, {.device = options.device,
                        .precision = options.precision,
                        .threads = static_cast<int>(options.threads),
                        .max_batch = std::min<std::int64_t>(
                            options.batch, static_cast<std::int64_t>(inputs_.size() / 2))}) {}

  ExitStatus run() {
    context_.console.note("vgg16, weights {}; {}, {} threads, {}", model_.info().weights,
                          to_string(lpips_.device()), lpips_.threads(), options_.precision);
    const bool stopped = compare_all();
    output_->finish();
    if (stopped) throw Interrupted();
    return failed_ > 0 ? ExitStatus::some_failed : ExitStatus::ok;
  }

 private:
  // True where the user stopped it.
  bool compare_all() {
    const auto workers = static_cast<int>(worker_count(options_.workers));
    ImageQueue queue(inputs_, {.transforms = {},
                               .prepare = models::lpips_input,
                               .decode = {.apply_exif_orientation = true},
                               .workers = workers,
                               .ahead = static_cast<std::size_t>(2 * options_.batch + workers)});
    Progress progress("compare", Progress::Unit::images, context_.progress);
    std::vector<ReadyPair> batch;
    while (std::optional<ReadyImage> a = queue.next()) {
      if (interrupted()) return true;
      ReadyPair pair = check_pair(std::move(*a), *queue.next());
      if (!fits(batch, pair)) flush(batch, progress);
      batch.push_back(std::move(pair));
    }
    flush(batch, progress);
    return false;
  }

  // Whether the pair may go into one pass with those of the batch. A failed one closes the batch:
  // rows come in order, and what is wrong is said when it is found.
  bool fits(const std::vector<ReadyPair>& batch, const ReadyPair& pair) const {
    if (batch.empty()) return true;
    const ReadyPair& first = batch.front();
    return static_cast<std::int64_t>(batch.size()) < options_.batch && first.error.empty() &&
           pair.error.empty() && first.a.pixels.shape() == pair.a.pixels.shape();
  }

  void flush(std::vector<ReadyPair>& batch, Progress& progress) {
    if (batch.empty()) return;
    std::string text;
    const std::vector<double> distances = distances_of(batch);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const ReadyPair& pair = batch[i];
      const LpipsRow row{.a = pair.a.input->path,
                         .b = pair.b.input->path,
                         .error = pair.error,
                         .distance = distances[i],
                         .width = pair.a.width,
                         .height = pair.a.height};
      text += options_.format == "jsonl" ? to_json_line(row) : to_text(row);
      if (pair.error.empty()) continue;
      context_.console.error(pair.error, pair.hint);
      ++failed_;
    }
    output_->write(text);
    done_ += 2 * static_cast<std::int64_t>(batch.size());
    progress.update(done_, static_cast<std::int64_t>(inputs_.size()));
    batch.clear();
  }

  std::vector<double> distances_of(const std::vector<ReadyPair>& batch) {
    if (!batch.front().error.empty()) return std::vector<double>(batch.size());
    const Shape shape =
        batch.front().a.pixels.shape().with(0, static_cast<std::int64_t>(batch.size()));
    Tensor a = Tensor::empty(shape), b = Tensor::empty(shape);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const std::int64_t floats = batch[i].a.pixels.numel();
      const std::int64_t offset = static_cast<std::int64_t>(i) * floats;
      const auto bytes = static_cast<std::size_t>(batch[i].a.pixels.nbytes());
      std::memcpy(a.mutable_data<float>() + offset, batch[i].a.pixels.data<float>(), bytes);
      std::memcpy(b.mutable_data<float>() + offset, batch[i].b.pixels.data<float>(), bytes);
    }
    std::vector<double> distances;
    for (const auto& found : lpips_.distances(a, b)) distances.push_back(found.distance);
    return distances;
  }

  const LpipsToolOptions& options_;
  const Context& context_;
  std::vector<Input> inputs_;  // a, b, a, b, …
  std::unique_ptr<Output> output_;
  Model model_;
  models::Lpips lpips_;
  std::int64_t done_ = 0, failed_ = 0;
};

}  // namespace

ExitStatus measure(const LpipsToolOptions& options, const Context& context) {
  check_device(options.device, options.precision);
  return Job(options, context).run();
}

}  // namespace lamina::tools
