#include "tools/lamina_lpips/options.h"

#include "tools/support/failure.h"
#include "tools/support/option_values.h"

namespace lamina::tools {
namespace {

constexpr std::int64_t kMaxBatch = 1024;

std::vector<Option> model_options(LpipsToolOptions& o) {
  return {
      {.names = "-w,--weights",
       .value = "VGG16",
       .help = "IMAGENET1K_V1 (default), DEFAULT, random[:SEED], or a weight file (.lamina, .pth, "
               ".safetensors, .npz), which needs no classifier",
       .group = "Model",
       .choices = {"IMAGENET1K_V1", "DEFAULT", "random"},
       .completes = Completes::files,
       .set = text(o.weights)},
  };
}

std::vector<Option> result_options(LpipsToolOptions& o) {
  return {
      {.names = "--format",
       .value = "F",
       .help = "text (default), jsonl",
       .group = "Results",
       .choices = {"text", "jsonl"},
       .set = choice(o.format, {"text", "jsonl"})},
      output_option(o.output, "Results"),
  };
}

std::vector<Option> running_options(LpipsToolOptions& o) {
  const std::string group = "Running";
  return {
      {.names = "-r,--recursive",
       .help = "look into subdirectories too; pictures of one relative path are a pair",
       .group = group,
       .set = flag(o.recursive)},
      device_option(o.device, group),
      precision_option(o.precision, group),
      {.names = "-b,--batch",
       .value = "N",
       .help = "pairs a pass (up to 8); of large pictures it is fewer",
       .group = group,
       .set = integer(o.batch, 1, kMaxBatch)},
      workers_option(o.workers, group),
      threads_option(o.threads, group),
  };
}

}  // namespace

Command lpips_command(LpipsToolOptions& options) {
  Command command{
      .name = "lamina-lpips",
      .summary = "How different two pictures look: the perceptual distance LPIPS (vgg, 0.1).",
      .usage = "[OPTIONS] A B",
      .positionals = {{.name = "A B",
                       .help = "two image files (JPEG, PNG, BMP, GIF) of one size, - for one on "
                               "stdin; or two directories, whose pictures are paired by name",
                       .many = true,
                       .set = append(options.inputs)}},
      .examples = {{"lamina-lpips -w vgg16.pth original.png compressed.jpg", "one distance"},
                   {"lamina-lpips originals decoded --format jsonl -o out.jsonl", "two folders"}},
      .notes =
          "0 means equal; larger means that people see more of a difference. A line of text "
          "is distance and the two paths, separated by tabs. docs/lpips.md says more."};
  for (auto* part : {&model_options, &result_options, &running_options}) {
    append_options(command, part(options));
  }
  return command;
}

void check_options(const LpipsToolOptions& options) {
  if (options.inputs.size() != 2) {
    throw UsageError(options.inputs.size() < 2 ? "two pictures or two directories are needed"
                                               : "more than two inputs: " + options.inputs[2],
                     "lamina-lpips a.png b.png, or --help");
  }
  if (options.weights == "IMAGENET1K_FEATURES") {
    throw UsageError("LPIPS is not defined on weights IMAGENET1K_FEATURES: -w",
                     "it was learned on IMAGENET1K_V1, the default");
  }
}

}  // namespace lamina::tools
