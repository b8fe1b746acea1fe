#include "tools/vgg16_infer/classify.h"

#include "tools/support/about.h"
#include "tools/support/failure.h"
#include "tools/support/interrupt.h"
#include "tools/support/output.h"
#include "tools/vgg16_infer/batch_runner.h"
#include "tools/vgg16_infer/calibrate.h"
#include "tools/vgg16_infer/image_queue.h"
#include "tools/vgg16_infer/inputs.h"
#include "tools/vgg16_infer/model_source.h"
#include "tools/vgg16_infer/picture_outputs.h"
#include "tools/vgg16_infer/result.h"

#include <algorithm>

namespace lamina::tools {
namespace {

constexpr std::int64_t kDefaultBatch = 8;

// The widths of a run, from the options or from what there is to do.
struct Sizes {
  std::int64_t batch = 1;
  int workers = 1;
};

Sizes sizes_for(const InferOptions& options, std::size_t images) {
  const auto count = static_cast<std::int64_t>(std::max<std::size_t>(images, 1));
  Sizes sizes;
  sizes.batch = std::min(options.batch > 0 ? options.batch : kDefaultBatch, count);
  sizes.workers = static_cast<int>(std::min(worker_count(options.workers), count));
  return sizes;
}

std::unique_ptr<Output> open_output(const InferOptions& options) {
  if (!options.resume.empty()) return Output::append_to(options.resume);
  if (!options.output.empty()) return Output::to_file(options.output);
  return Output::to_stdout();
}

class Job {
 public:
  Job(const InferOptions& options, const Context& context)
      : options_(options),
        context_(context),
        inputs_(collect_inputs(options, context.console)),
        sizes_(sizes_for(options, inputs_.size())),
        output_(open_output(options)),
        format_(ResultFormat::make(options.format, options.logits)) {}

  ExitStatus run() {
    if (inputs_.empty()) {
      context_.console.note("nothing to do");
    } else {
      load();
    }
    output_->write(format_->begin(run_info_));
    const bool stopped = !inputs_.empty() && classify_all();
    output_->write(format_->end());
    output_->finish();
    if (runner_) finish_runner();
    if (stopped) throw Interrupted();
    return failed_ > 0 ? ExitStatus::some_failed : ExitStatus::ok;
  }

 private:
  void load() {
    Model model = load_model_for(options_, context_);
    transforms_ = model.info().transforms;
    if (!options_.calibrate.empty()) {
      model.info().input_ranges = calibrate(
          model,
          {.directory = options_.calibrate, .threads = options_.threads, .exif = options_.exif},
          context_);
    }
    if (options_.wants_heat_maps()) pictures_.emplace(model, options_, inputs_);
    runner_.emplace(model, options_, sizes_.batch, pictures_ ? pictures_->layer() : "",
                    context_.console);
    run_info_ = {.model = model.info().name.empty() ? options_.model : model.info().name,
                 .weights = model.info().weights,
                 .device = runner_->device(),
                 .precision = options_.precision};
    context_.console.note("{}, weights {}; {}, {}, batch {}", run_info_.model,
                          run_info_.weights.empty() ? options_.model : run_info_.weights,
                          runner_->where(), run_info_.precision, sizes_.batch);
    if (pictures_) pictures_->begin(run_info_);
  }

  // True where the user stopped it.
  bool classify_all() {
    const std::size_t ahead = static_cast<std::size_t>(sizes_.batch + sizes_.workers);
    ImageQueue queue(inputs_, {.transforms = transforms_,
                               .decode = {.apply_exif_orientation = options_.exif},
                               .workers = sizes_.workers,
                               .keep_pictures = pictures_.has_value(),
                               .ahead = ahead});
    Progress progress("classify", Progress::Unit::images, context_.progress);
    std::vector<ReadyImage> batch;
    std::size_t pictures = 0;
    while (std::optional<ReadyImage> image = queue.next()) {
      if (interrupted()) return true;
      const bool good = image->error.empty();
      if (good && pictures > 0 && !same_size(batch, *image)) {
        flush(batch, progress);
        pictures = 0;
      }
      pictures += good ? 1 : 0;
      batch.push_back(std::move(*image));
      if (static_cast<std::int64_t>(pictures) < sizes_.batch && batch.size() < ahead) continue;
      flush(batch, progress);
      pictures = 0;
    }
    flush(batch, progress);
    return false;
  }

  static bool same_size(const std::vector<ReadyImage>& batch, const ReadyImage& image) {
    const auto first = std::find_if(batch.begin(), batch.end(),
                                    [](const ReadyImage& ready) { return ready.error.empty(); });
    return first->pixels.shape() == image.pixels.shape();
  }

  // Writes what is in the batch, failures among it, in order.
  void flush(std::vector<ReadyImage>& batch, Progress& progress) {
    if (batch.empty()) return;
    std::string text;
    std::vector<Result> results = runner_->run(batch);
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (pictures_) pictures_->add(batch[i], results[i]);
      text += format_->record(results[i]);
    }
    for (const ReadyImage& image : batch) {
      if (image.error.empty()) continue;
      context_.console.error(image.error, image.hint);
      ++failed_;
    }
    write(text);
    done_ += static_cast<std::int64_t>(batch.size());
    progress.update(done_, static_cast<std::int64_t>(inputs_.size()));
    batch.clear();
  }

  // A reader that went away ends the work, unless there are files to fill besides.
  void write(const std::string& text) {
    if (closed_) return;
    try {
      output_->write(text);
    } catch (const ClosedPipe&) {
      if (!runner_->has_files() && !pictures_) throw;
      closed_ = true;
    }
  }

  void finish_runner() {
    context_.console.detail("{}", runner_->memory());
    if (pictures_) pictures_->finish(context_.console);
    for (const std::string& path : runner_->finish()) {
      context_.console.warning("not written, since no image was classified: {}", path);
    }
    if (failed_ > 0 && runner_->has_files()) {
      context_.console.note("{} of {} inputs failed and have no row in the arrays", failed_, done_);
    }
    if (!options_.profile) return;
    const bool stdout_is_free =
        format_->is_text() || !options_.output.empty() || !options_.resume.empty();
    const std::string table = runner_->profile_table();
    if (stdout_is_free) {
      print(table);
    } else {
      context_.console.block(table);
    }
  }

  const InferOptions& options_;
  const Context& context_;
  std::vector<Input> inputs_;
  Sizes sizes_;
  std::unique_ptr<Output> output_;
  std::unique_ptr<ResultFormat> format_;
  vision::Transforms transforms_;
  std::optional<PictureOutputs> pictures_;
  std::optional<BatchRunner> runner_;
  RunInfo run_info_;
  std::int64_t done_ = 0, failed_ = 0;
  bool closed_ = false;
};

}  // namespace

ExitStatus classify(const InferOptions& options, const Context& context) {
  check_device(options.device, options.precision);
  return Job(options, context).run();
}

}  // namespace lamina::tools
