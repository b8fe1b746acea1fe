#include "tools/lamina_convert/commands.h"

#include "tools/lamina_convert/weights_name.h"
#include "tools/support/option_values.h"

#include <lamina/models/vgg.h>

#include <limits>

namespace lamina::tools {
namespace {

constexpr const char* kReadable = "a .lamina, .pth, .safetensors, .npz or .npy file";
constexpr const char* kWritable = "a .lamina, .pth, .safetensors or .npz file";

Positional file(std::string name, std::string help, std::string& target) {
  return {.name = std::move(name), .help = std::move(help), .set = text(target)};
}

Option arch_option(ConvertOptions& o, std::string help) {
  return {.names = "--arch",
          .value = "NAME",
          .help = std::move(help),
          .choices = models::model_names(),
          .set = choice(o.arch, models::model_names())};
}

Option json_option(ConvertOptions& o) {
  return {.names = "--json", .help = "one JSON object instead of text", .set = flag(o.json)};
}

Option force_option(ConvertOptions& o) {
  return {
      .names = "--force", .help = "replace OUT where it is there already", .set = flag(o.force)};
}

Command inspect_command(ConvertOptions& o) {
  return {.name = "inspect",
          .summary = "Say what is in a file, from its header alone.",
          .usage = "FILE [--tensors] [--stats] [--json]",
          .options = {{.names = "--tensors", .help = "a line a tensor", .set = flag(o.tensors)},
                      {.names = "--stats",
                       .help = "smallest, largest, mean, deviation of each "
                               "tensor (reads the whole file)",
                       .set = flag(o.stats)},
                      json_option(o)},
          .positionals = {file("FILE", kReadable, o.first)}};
}

Command convert_files_command(ConvertOptions& o) {
  return {
      .name = "convert",
      .summary = "Write the tensors of one kind of file as another; values are kept bit for bit.",
      .usage = "IN OUT [OPTIONS]",
      .options = {{.names = "--dtype",
                   .value = "T",
                   .help = "convert floating tensors: fp32, fp16, bf16",
                   .choices = {"fp32", "fp16", "bf16"},
                   .set = choice(o.dtype, {"fp32", "fp16", "bf16"})},
                  arch_option(o,
                              "check the tensors against an architecture; a .lamina OUT "
                              "becomes a whole model"),
                  {.names = "--strip-prefix",
                   .value = "P",
                   .help = "take P off the names that begin with it, such as module.",
                   .set = text(o.strip_prefix)},
                  {.names = "--map",
                   .value = "NAMES",
                   .help = "rename: torchvision (as they are), timm, or a file with OLD NEW a line",
                   .choices = {"torchvision", "timm"},
                   .completes = Completes::files,
                   .set = text(o.map)},
                  {.names = "--max-shard-size",
                   .value = "SIZE",
                   .help = "of a .safetensors OUT: files of at most SIZE (500MB, 2GB) and an index",
                   .set = byte_size(o.max_shard_bytes)},
                  {.names = "--calibrate",
                   .value = "DIR",
                   .help = "of a .lamina OUT with a model: keep how large activations become, from "
                           "the pictures in DIR; int8 and fp8 round by it",
                   .completes = Completes::folders,
                   .set = text(o.calibrate)},
                  force_option(o)},
      .positionals = {file("IN", std::string(kReadable) + ", told by its bytes", o.first),
                      file("OUT", kWritable, o.second)}};
}

Command verify_command(ConvertOptions& o) {
  return {
      .name = "verify",
      .summary = "Check a file's structure, bounds and checksums; status 7 where one is wrong.",
      .usage = "FILE [--arch NAME]",
      .options = {arch_option(o, "check names and shapes against an architecture too; status 4")},
      .positionals = {file("FILE", kReadable, o.first)}};
}

Command diff_command(ConvertOptions& o) {
  return {
      .name = "diff",
      .summary = "Compare the tensors of two files; status 7 where they differ.",
      .usage = "A B [--atol X] [--rtol X] [--json]",
      .options = {{.names = "--atol",
                   .value = "X",
                   .help = "allow |a - b| <= atol + rtol * |b|; dtypes may then differ",
                   .set = number(o.atol, 0)},
                  {.names = "--rtol", .value = "X", .help = "see --atol", .set = number(o.rtol, 0)},
                  json_option(o)},
      .positionals = {file("A", "a file of any readable kind", o.first),
                      file("B", "another, taken as the reference", o.second)}};
}

Positional weights_name(std::string& target, bool optional) {
  return {.name = "NAME",
          .help =
              "a model, vgg16 for instance, or one set of its weights: "
              "vgg16.IMAGENET1K_FEATURES",
          .optional = optional,
          .completes = Completes::nothing,
          .choices = published_weights_names(),
          .set = text(target)};
}

Command download_command(ConvertOptions& o) {
  return {.name = "download",
          .summary = "Fetch a model's published weights into the cache, and print the file's path.",
          .usage = "NAME",
          .positionals = {weights_name(o.first, false)}};
}

Command cache_command(ConvertOptions& o) {
  return {.name = "cache",
          .summary = "List the published weights on this machine, say where they are, remove them.",
          .usage = "ls [--json] | path [NAME] | rm NAME | rm --all",
          .options = {{.names = "--all",
                       .help = "rm: all published weights in Lamina's cache",
                       .set = flag(o.all)},
                      {.names = "--json", .help = "ls: a JSON array", .set = flag(o.json)}},
          .positionals = {{.name = "ACTION",
                           .help = "ls, path (of the folder, or of NAME's file), rm",
                           .completes = Completes::nothing,
                           .choices = {"ls", "path", "rm"},
                           .set = choice(o.first, {"ls", "path", "rm"})},
                          weights_name(o.second, true)}};
}

Command init_command(ConvertOptions& o) {
  return {.name = "init",
          .summary = "Write a model with seeded weights, drawn as torchvision initialises them.",
          .usage = "ARCH OUT [--seed N]",
          .options = {{.names = "--seed",
                       .value = "N",
                       .help = "0 by default",
                       .set = integer(o.seed, 0, std::numeric_limits<std::int64_t>::max())},
                      force_option(o)},
          .positionals = {{.name = "ARCH",
                           .help = "vgg11, vgg13, vgg16, vgg19, each also with _bn",
                           .completes = Completes::nothing,
                           .choices = models::model_names(),
                           .set = choice(o.first, models::model_names())},
                          file("OUT", kWritable, o.second)}};
}

Command triton_repo_command(ConvertOptions& o) {
  return {.name = "triton-repo",
          .summary = "Write a model as NVIDIA Triton serves it: DIR/NAME, for Lamina's backend.",
          .usage = "MODEL DIR [OPTIONS]",
          .options = {{.names = "--name",
                       .value = "NAME",
                       .help = "of the served model; that of the file by default",
                       .set = text(o.name)},
                      {.names = "--max-batch",
                       .value = "N",
                       .help = "images of one batch (8); 0: a request is one image",
                       .set = integer(o.max_batch, 0, 4096)},
                      {.names = "--instances",
                       .value = "N",
                       .help = "batches at once (1); they share the weights",
                       .set = integer(o.instances, 1, 256)},
                      {.names = "--threads",
                       .value = "N",
                       .help = "of each instance; 0 (default): all",
                       .set = integer(o.threads, 0, 1024)},
                      device_option(o.device, "Options"),
                      precision_option(o.precision, "Options"),
                      {.names = "--force",
                       .help = "replace DIR/NAME where it is there already",
                       .set = flag(o.force)}},
          .positionals = {file("MODEL", "a .lamina file that holds a whole model", o.first),
                          {.name = "DIR",
                           .help = "the model repository; made where it is not there",
                           .completes = Completes::folders,
                           .set = text(o.second)}}};
}

// Pickled files hold more than tensors, or other ones than Lamina has.
Command reading(Command command, ConvertOptions& o) {
  command.options.push_back(
      {.names = "--key",
       .value = "PATH",
       .help = "of a .pth: where its weights stand, as ema.state_dict; '.' takes every tensor",
       .set = text(o.key)});
  command.options.push_back({.names = "--dequantize",
                             .help = "of a .pth: quantised tensors become fp32",
                             .set = flag(o.dequantize)});
  return command;
}

}  // namespace

Command convert_command(ConvertOptions& options) {
  return {
      .name = "lamina-convert",
      .summary = "Look into weight files, and write them as another kind.",
      .usage = "COMMAND [OPTIONS] ...",
      .examples = {{"lamina-convert inspect model.lamina --tensors", "what is in it"},
                   {"lamina-convert convert vgg16.safetensors vgg16.lamina --arch vgg16",
                    "a whole model"},
                   {"lamina-convert download vgg16", "the published weights"},
                   {"lamina-convert diff a.lamina b.npz --rtol 1e-5", "how far apart they are"}},
      .notes = "'lamina-convert COMMAND --help' tells a command's options.",
      .commands = {reading(inspect_command(options), options),
                   reading(convert_files_command(options), options),
                   reading(verify_command(options), options),
                   reading(diff_command(options), options), init_command(options),
                   download_command(options), cache_command(options),
                   triton_repo_command(options)}};
}

}  // namespace lamina::tools
