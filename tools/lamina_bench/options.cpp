#include "tools/lamina_bench/options.h"

#include "tools/support/failure.h"
#include "tools/support/option_values.h"

#include <lamina/models/vgg.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace lamina::tools {
namespace {

const std::vector<std::string> kModes{"latency", "throughput", "load", "layers", "e2e"};

// "1,8": whole numbers, none empty.
Option::Set integers(std::vector<std::int64_t>& target, std::int64_t least, std::int64_t most) {
  return [&target, least, most](const std::string& given) {
    std::vector<std::string> parts;
    names(parts)(given);
    target.clear();
    for (const std::string& part : parts) {
      std::int64_t value = 0;
      integer(value, least, most)(part);
      target.push_back(value);
    }
  };
}

Option::Set modes(std::vector<std::string>& target) {
  return [&target](const std::string& given) {
    std::vector<std::string> parts;
    names(parts)(given);
    for (std::string& part : parts) choice(part, kModes)(part);
    target = parts;
  };
}

std::vector<Option> subject_options(BenchOptions& o) {
  const std::string group = "What";
  return {{.names = "-m,--model",
           .value = "NAME|FILE",
           .help = "vgg16 (default), another of the family, or a .lamina file with a whole model",
           .group = group,
           .choices = models::model_names(),
           .completes = Completes::files,
           .set = text(o.model)},
          {.names = "-w,--weights",
           .value = "W",
           .help = "random[:SEED] (default for a name), IMAGENET1K_V1, or a file",
           .group = group,
           .completes = Completes::files,
           .set = text(o.weights)},
          {.names = "--size",
           .value = "N",
           .help = "pixels of an image's side (default: as the model has it)",
           .group = group,
           .set = integer(o.size, 1, 1 << 14)},
          {.names = "-i,--images",
           .value = "PATH",
           .help = "pictures for --mode e2e: files or folders; may be given again",
           .group = group,
           .completes = Completes::files,
           .set = append(o.images)}};
}

std::vector<Option> run_options(BenchOptions& o) {
  const std::string group = "How";
  return {device_option(o.device, group),
          precision_option(o.precision, group),
          {.names = "-b,--batch",
           .value = "N,N,...",
           .help = "images a pass",
           .group = group,
           .set = integers(o.batches, 1, 4096)},
          {.names = "-t,--threads",
           .value = "N,N,...",
           .help = "threads; 0, the default, is all that this process may use",
           .group = group,
           .set = integers(o.threads, 0, 1024)},
          {.names = "--mode",
           .value = "M,M,...",
           .help = "latency (default): one pass after the other; throughput: a session of one "
                   "thread on each; load: from the file to the first answer; layers: each step "
                   "of the plan; e2e: from picture files",
           .group = group,
           .choices = kModes,
           .set = modes(o.modes)},
          {.names = "--plan",
           .help = "the same as --mode layers: each layer's algorithm and tile, the time that the "
                   "plan expects of it, and the time it takes",
           .group = group,
           .set = [&o](const std::string&) { o.modes = {"layers"}; }},
          {.names = "--min-time",
           .value = "S",
           .help = "seconds to measure for a row, at least (1)",
           .group = group,
           .set = number(o.min_s, 0)},
          {.names = "--format",
           .value = "F",
           .help = "md (default), csv, json, jsonl",
           .group = group,
           .choices = {"md", "csv", "json", "jsonl"},
           .set = choice(o.format, {"md", "csv", "json", "jsonl"})},
          {.names = "-o,--output",
           .value = "FILE",
           .help = "write the rows there",
           .group = group,
           .completes = Completes::files,
           .set = text(o.output)}};
}

Command compare_command(BenchOptions& o) {
  return {.name = "compare",
          .summary = "Tell a change from noise: the rows that two files have in common.",
          .usage = "A B",
          .positionals = {
              {.name = "A", .help = "rows before: .json, .jsonl", .set = append(o.compared)},
              {.name = "B", .help = "rows after", .set = append(o.compared)}}};
}

Command turns_command(BenchOptions& o) {
  return {.name = "turns",
          .summary =
              "Run when told to: for each line on stdin that many seconds. For "
              "tools/bench_peers.py, which measures several engines in turn.",
          .usage = "--input FILE.npy [OPTIONS]",
          .options = {{.names = "--input",
                       .value = "FILE.npy",
                       .help = "the images [n, 3, h, w], normalised; -o takes the logits",
                       .completes = Completes::files,
                       .set = text(o.input)}}};
}

}  // namespace

Command bench_command(BenchOptions& options) {
  Command command{
      .name = "lamina-bench",
      .summary = "Measure models on this machine: latency, throughput, layers, loading.",
      .usage = "[OPTIONS] | compare A B",
      .examples = {{"lamina-bench -b 1,8 -t 1,2", "VGG16 with random weights"},
                   {"lamina-bench --mode layers", "where the time goes"},
                   {"lamina-bench --device cuda --precision bf16 -b 1,8,64", "on a GPU"},
                   {"lamina-bench compare before.json after.json", "what a change did"}},
      .notes =
          "Every answer is checked against float64 before its time is printed. Shares are of "
          "what this machine was measured to do in the same run. docs/lamina-bench.md"};
  for (auto* part : {&subject_options, &run_options}) append_options(command, part(options));
  command.commands = {compare_command(options), turns_command(options)};
  return command;
}

}  // namespace lamina::tools
