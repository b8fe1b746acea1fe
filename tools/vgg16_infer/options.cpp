#include "tools/vgg16_infer/options.h"

#include "tools/support/failure.h"
#include "tools/support/option_values.h"

#include <lamina/models/vgg.h>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lamina::tools {
namespace {

constexpr std::int64_t kMaxBatch = 4096;
constexpr std::int64_t kMaxSide = 16384;

std::vector<Option> model_options(InferOptions& o) {
  const std::string group = "Model";
  std::vector<std::string> weights = {"IMAGENET1K_V1", "DEFAULT", "random"};
  return {
      {.names = "-m,--model",
       .value = "NAME|FILE",
       .help = "vgg16 (default), vgg11, vgg13, vgg19, each also with _bn; or a .lamina file that "
               "holds a whole model",
       .group = group,
       .choices = models::model_names(),
       .completes = Completes::files,
       .set = text(o.model)},
      {.names = "-w,--weights",
       .value = "W",
       .help = "IMAGENET1K_V1 (default), DEFAULT, random[:SEED], or a weight file (.lamina, "
               ".pth, .safetensors, .npz)",
       .group = group,
       .choices = std::move(weights),
       .completes = Completes::files,
       .set = text(o.weights)},
      {.names = "--labels",
       .value = "FILE",
       .help = "class names, one a line, in the logits' order",
       .group = group,
       .completes = Completes::files,
       .set = text(o.labels)},
  };
}

std::vector<Option> input_options(InferOptions& o) {
  const std::string group = "Inputs";
  return {
      {.names = "-r,--recursive",
       .help = "look into subdirectories too",
       .group = group,
       .set = flag(o.recursive)},
      {.names = "--shard",
       .value = "I/N",
       .help = "only part I of N, 1 to N, told apart by a stable hash of the path",
       .group = group,
       .set = text(o.shard)},
      {.names = "--resume",
       .value = "FILE.jsonl",
       .help = "append to FILE, leaving out what it has already; implies --format jsonl",
       .group = group,
       .completes = Completes::files,
       .set = text(o.resume)},
  };
}

std::vector<Option> result_options(InferOptions& o) {
  const std::string group = "Results";
  return {
      {.names = "-k,--topk",
       .value = "N",
       .help = "classes to print for each image (5)",
       .group = group,
       .set = integer(o.topk, 1, 1'000'000)},
      {.names = "--format",
       .value = "F",
       .help = "text (default), json, jsonl, csv",
       .group = group,
       .choices = {"text", "json", "jsonl", "csv"},
       .set = choice(o.format, {"text", "json", "jsonl", "csv"})},
      output_option(o.output, group),
      {.names = "--logits",
       .help = "raw logits too: a column of text, an array of all of them in json and jsonl",
       .group = group,
       .set = flag(o.logits)},
      {.names = "--logits-out",
       .value = "FILE.npy",
       .help = "all logits, float32 [N, classes]",
       .group = group,
       .completes = Completes::files,
       .set = text(o.logits_out)},
      {.names = "--features",
       .value = "LAYER[,LAYER]",
       .help = "outputs of these modules, such as features.28, avgpool, classifier.3",
       .group = group,
       .set = names(o.features)},
      {.names = "--features-out",
       .value = "FILE",
       .help = "where they go: .npy for one layer, .safetensors for any number",
       .group = group,
       .completes = Completes::files,
       .set = text(o.features_out)},
      {.names = "--save-input",
       .value = "FILE.npy",
       .help = "the preprocessed images, float32 [N, 3, H, W]",
       .group = group,
       .completes = Completes::files,
       .set = text(o.save_input)},
  };
}

std::vector<Option> picture_options(InferOptions& o) {
  const std::string group = "Pictures (what a class looks at, by Grad-CAM)";
  return {
      {.names = "--heatmap",
       .value = "DIR",
       .help = "a heat map over each image as DIR/NAME.png, and as numbers, DIR/NAME.npy",
       .group = group,
       .completes = Completes::folders,
       .set = text(o.heatmap)},
      {.names = "--heatmap-layer",
       .value = "LAYER",
       .help = "the module whose output is weighed (the last of features: features.30)",
       .group = group,
       .set = text(o.heatmap_layer)},
      {.names = "--heatmap-class",
       .value = "N",
       .help = "index of the class to look for (the likeliest of each image)",
       .group = group,
       .set = integer(o.heatmap_class, 0, 1'000'000'000)},
      {.names = "--report",
       .value = "FILE.html",
       .help = "one page that holds it all: each image, its classes as bars, its heat map",
       .group = group,
       .completes = Completes::files,
       .set = text(o.report)},
  };
}

std::vector<Option> preprocessing_options(InferOptions& o) {
  const std::string group = "Preprocessing (torchvision's by default)";
  return {
      {.names = "--resize",
       .value = "N",
       .help = "shorter side in pixels; 0: leave the size alone",
       .group = group,
       .set = integer(o.resize, 0, kMaxSide)},
      {.names = "--crop",
       .value = "N",
       .help = "side of the central square; 0: the whole image",
       .group = group,
       .set = integer(o.crop, 0, kMaxSide)},
      {.names = "--mean",
       .value = "R,G,B",
       .help = "subtracted, on a scale of 0 to 1",
       .group = group,
       .set = rgb(o.mean, false)},
      {.names = "--std",
       .value = "R,G,B",
       .help = "divided by",
       .group = group,
       .set = rgb(o.std, true)},
      {.names = "--exif",
       .help = "turn photos upright as their EXIF data says",
       .group = group,
       .set = flag(o.exif)},
  };
}

std::vector<Option> running_options(InferOptions& o) {
  const std::string group = "Running";
  return {
      device_option(o.device, group),
      precision_option(o.precision, group),
      {.names = "--calibrate",
       .value = "DIR",
       .help = "int8, fp8: first learn how large activations become, from the pictures in DIR "
               "(fp8 must know; lamina-convert convert --calibrate keeps it in a container)",
       .group = group,
       .completes = Completes::folders,
       .set = text(o.calibrate)},
      {.names = "-b,--batch",
       .value = "N",
       .help = "images per forward pass (up to 8)",
       .group = group,
       .set = integer(o.batch, 1, kMaxBatch)},
      workers_option(o.workers, group),
      threads_option(o.threads, group),
      {.names = "--profile",
       .help = "a table of each layer's time, GFLOP/s and share",
       .group = group,
       .set = flag(o.profile)},
  };
}

std::vector<Option> looking_options(InferOptions& o) {
  const std::string group = "Looking at a model (needs no images)";
  return {
      {.names = "--summary",
       .help = "layers, shapes, parameters, MACs and bytes",
       .group = group,
       .set = flag(o.summary)},
      {.names = "--print-model",
       .help = "the modules, as PyTorch prints them",
       .group = group,
       .set = flag(o.print_model)},
  };
}

bool ends_with(const std::string& path, std::string_view extension) {
  return path.ends_with(extension);
}

void check_features(const InferOptions& o) {
  if (o.features.empty() != o.features_out.empty()) {
    throw UsageError(o.features.empty() ? "--features-out without --features LAYER"
                                        : "--features without --features-out FILE",
                     "for example --features features.28 --features-out features.npy");
  }
  if (o.features_out.empty()) return;
  const bool npy = ends_with(o.features_out, ".npy");
  if (!npy && !ends_with(o.features_out, ".safetensors")) {
    throw UsageError("neither .npy nor .safetensors: --features-out " + o.features_out);
  }
  if (npy && o.features.size() > 1) {
    throw UsageError("a .npy file holds one array, not several: --features-out " + o.features_out,
                     "a .safetensors file holds any number of layers");
  }
}

void check_pictures(const InferOptions& o) {
  if (!o.wants_heat_maps() && (!o.heatmap_layer.empty() || o.heatmap_class >= 0)) {
    throw UsageError(o.heatmap_layer.empty() ? "--heatmap-class without --heatmap DIR"
                                             : "--heatmap-layer without --heatmap DIR",
                     "--report FILE.html shows heat maps too");
  }
}

void check_resume(InferOptions& o) {
  if (o.resume.empty()) return;
  if (o.format.empty()) o.format = "jsonl";
  if (o.format != "jsonl") throw UsageError("--resume goes with --format jsonl only");
  if (!o.output.empty()) {
    throw UsageError("--resume and --output exclude each other",
                     "--resume FILE.jsonl makes FILE where it is not there yet");
  }
  if (!o.report.empty()) {
    throw UsageError("--resume cannot go on with a report", "--heatmap DIR adds to a directory");
  }
  if (!o.logits_out.empty() || !o.save_input.empty() || !o.features_out.empty()) {
    throw UsageError("--resume cannot go on with an array file",
                     "--logits gives the logits in the JSON Lines themselves");
  }
}

void check_distinct(const InferOptions& o) {
  std::vector<std::string> files;
  for (const auto& file :
       {o.output, o.logits_out, o.save_input, o.features_out, o.resume, o.report}) {
    if (file.empty()) continue;
    if (std::find(files.begin(), files.end(), file) != files.end()) {
      throw UsageError("two outputs into one file: " + file);
    }
    files.push_back(file);
  }
}

}  // namespace

Command infer_command(InferOptions& options) {
  Command command{
      .name = "vgg16-infer",
      .summary = "Classify images with VGG16 and its family.",
      .usage = "[OPTIONS] INPUT...",
      .positionals = {{.name = "INPUT",
                       .help = "image files (JPEG, PNG, BMP, GIF), directories, @list.txt with a "
                               "path a line, - for one image on stdin",
                       .many = true,
                       .set = append(options.inputs)}},
      .examples = {{"vgg16-infer cat.jpg", "the five likeliest classes"},
                   {"vgg16-infer -r photos --format jsonl -o out.jsonl", "a whole folder"},
                   {"vgg16-infer --features avgpool --features-out f.npy *.jpg", "feature vectors"},
                   {"vgg16-infer --report out.html *.jpg", "a page to look at"},
                   {"vgg16-infer --summary -m vgg19_bn", "what is in a model"}},
      .notes =
          "A line of text is path, rank, class index, probability and label, separated by "
          "tabs. docs/vgg16-infer.md describes all formats."};
  for (auto* part : {&input_options, &model_options, &result_options, &picture_options,
                     &preprocessing_options, &running_options, &looking_options}) {
    append_options(command, part(options));
  }
  return command;
}

void check_options(InferOptions& o) {
  check_features(o);
  check_pictures(o);
  check_resume(o);
  check_distinct(o);
  if (!o.calibrate.empty() && o.precision != "int8" && o.precision != "fp8") {
    throw UsageError("--calibrate is for --precision int8 and fp8",
                     "the others round nothing by a range");
  }
  for (const auto* file : {&o.logits_out, &o.save_input}) {
    if (!file->empty() && !ends_with(*file, ".npy")) {
      throw UsageError("not a .npy file: " + *file);
    }
  }
  if (o.format.empty()) o.format = "text";
  if (o.inputs.empty() && !o.summary && !o.print_model) {
    throw UsageError("no input: nothing to classify", "vgg16-infer photo.jpg, or --help");
  }
}

}  // namespace lamina::tools
