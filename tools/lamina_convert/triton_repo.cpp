// lamina-convert triton-repo: a model as NVIDIA Triton serves it. docs/triton.md
#include "core/atomic_file.h"
#include "core/mapped_file.h"
#include "nn/session/device_choice.h"
#include "tools/lamina_convert/commands.h"
#include "tools/support/failure.h"
#include "tools/support/progress.h"
#include "tools/support/text.h"
#include "triton/signature.h"

#include <lamina/core/device.h>
#include <lamina/core/version.h>
#include <lamina/models/model.h>
#include <lamina/serialization/container.h>
#include <lamina/serialization/load.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <set>

#include <fcntl.h>

namespace lamina::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig = "config.pbtxt";
constexpr const char* kLabels = "labels.txt";
const fs::path kModel = fs::path("1") / "model.lamina";  // of version 1

void check_name(const std::string& name) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  const bool good =
      !name.empty() && name.front() != '.' && name.find_first_not_of(kAllowed) == std::string::npos;
  if (good) return;
  throw UsageError("no name for a served model: " + printable(name),
                   "--name NAME, of letters, digits, '_', '-' and '.'");
}

// The machine that serves need not be this one: only what can be nowhere is refused.
void check_precision(const ConvertOptions& options) {
  using nn::detail::precisions_of;
  std::vector<std::string> known;
  for (const DeviceType type : {DeviceType::cpu, DeviceType::cuda}) {
    if (options.device != "auto" && parse_device(options.device).type != type) continue;
    for (const std::string& precision : precisions_of(type)) known.push_back(precision);
  }
  if (std::find(known.begin(), known.end(), options.precision) != known.end()) return;
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  throw UsageError(
      fmt::format("--precision {} is not for --device {}", options.precision, options.device),
      fmt::format("there: {}", fmt::join(known, ", ")));
}

std::string instance_group(const ConvertOptions& options) {
  std::string text = fmt::format("count: {}", options.instances);
  if (options.device == "auto") return text;  // a GPU where the server has one
  const Device device = parse_device(options.device);
  if (device.type == DeviceType::cpu) return text + " kind: KIND_CPU";
  text += " kind: KIND_GPU";
  // "cuda" alone is each of them.
  return options.device == "cuda" ? text : text + fmt::format(" gpus: [ {} ]", device.index);
}

std::string config_text(const std::string& name, const triton::Signature& signature,
                        bool has_labels, const ConvertOptions& options) {
  std::string text = fmt::format(
      "# Written by lamina-convert {}. Lamina's docs/triton.md says what may stand here.\n"
      "name: \"{}\"\n"
      "backend: \"lamina\"\n"
      "max_batch_size: {}\n"
      "input [ {{ name: \"{}\" data_type: TYPE_FP32 dims: {} }} ]\n"
      "output [ {{ name: \"{}\" data_type: TYPE_FP32 dims: [{}]{} }} ]\n"
      "instance_group [ {{ {} }} ]\n",
      version(), name, options.max_batch, triton::kInputName, triton::to_string(signature.image),
      triton::kOutputName, signature.classes,
      has_labels ? fmt::format(" label_filename: \"{}\"", kLabels) : "", instance_group(options));
  if (options.max_batch > 1) text += "dynamic_batching { }\n";
  const auto parameter = [&](const char* key, const std::string& value) {
    text += fmt::format("parameters [ {{ key: \"{}\" value: {{ string_value: \"{}\" }} }} ]\n", key,
                        value);
  };
  parameter("precision", options.precision);
  if (options.threads > 0) parameter("threads", std::to_string(options.threads));
  return text;
}

void write_text(const fs::path& path, const std::string& text) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

// A copy and no link: a file that is served must not change when its original is written over.
void copy_model(const fs::path& from, const fs::path& to, const ByteProgress& progress) {
  constexpr std::size_t kPiece = 4 << 20;
  const std::shared_ptr<MappedFile> source = MappedFile::open(from);
  AtomicFile file(to);
  for (std::span<const std::byte> left = source->bytes(); !left.empty();) {
    const std::span<const std::byte> piece = left.first(std::min(kPiece, left.size()));
    file.write(piece);
    source->release(piece);
    left = left.subspan(piece.size());
    progress(file.position(), static_cast<std::int64_t>(source->bytes().size()));
  }
  file.commit();
}

// What --force replaces is a folder that this command wrote, and nothing beside.
void check_replaceable(const fs::path& folder, bool force) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(folder, error))) return;
  if (!force) {
    throw UsageError("the model is there already: " + folder.string(), "--force replaces it");
  }
  const std::set<fs::path> ours{kConfig, kLabels, kModel.parent_path(), kModel};
  if (!fs::is_directory(fs::symlink_status(folder))) {
    throw UsageError("no folder, and not replaced: " + folder.string());
  }
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (ours.contains(entry.path().lexically_relative(folder))) continue;
    throw UsageError(
        "holds more than a model of one version, and is not replaced: " + folder.string(),
        "remove it by hand, or choose another --name: there is " +
            printable(entry.path().lexically_relative(folder).string()));
  }
}

// The folder appears with all that is in it. Where there was one, the two change places.
void publish(const fs::path& staged, const fs::path& folder) {
  if (fs::exists(folder)) {
    if (::renameat2(AT_FDCWD, staged.c_str(), AT_FDCWD, folder.c_str(), RENAME_EXCHANGE) == 0) {
      fs::remove_all(staged);
      return;
    }
    fs::remove_all(folder);  // a file system that cannot exchange
  }
  fs::rename(staged, folder);
}

Model checked_model(const std::string& path, const Context& context) {
  if (serialization::detect_kind(path) != serialization::FileKind::lamina) {
    throw UsageError("not a .lamina file with a model: " + printable(path),
                     "lamina-convert convert " + path + " model.lamina --arch NAME makes one");
  }
  Progress progress("verify", Progress::Unit::bytes, context.progress);
  serialization::verify_container(path, progress.callback());
  return load_model(path);
}

void fill(const fs::path& staged, const std::string& name, const Model& model,
          const ConvertOptions& options, const Context& context) {
  const triton::Signature signature = triton::signature_of(model);
  const std::vector<std::string>& labels = model.info().labels;
  const bool has_labels = static_cast<std::int64_t>(labels.size()) == signature.classes;
  fs::create_directories(staged / kModel.parent_path());
  Progress progress("copy", Progress::Unit::bytes, context.progress);
  copy_model(options.first, staged / kModel, progress.callback());
  if (has_labels) write_text(staged / kLabels, fmt::format("{}\n", fmt::join(labels, "\n")));
  write_text(staged / kConfig, config_text(name, signature, has_labels, options));
}

}  // namespace

ExitStatus triton_repo(const ConvertOptions& options, const Context& context) {
  const std::string name =
      options.name.empty() ? fs::path(options.first).stem().string() : options.name;
  const fs::path repository = options.second, folder = repository / name;
  const fs::path staged = repository / ("." + name + ".partial");
  check_name(name);
  check_precision(options);
  check_replaceable(folder, options.force);
  const Model model = checked_model(options.first, context);
  try {
    fs::remove_all(staged);  // a killed run's
    fill(staged, name, model, options, context);
    publish(staged, folder);
  } catch (const fs::filesystem_error& error) {
    throw OutputError(fmt::format("cannot write: {}: {}", error.code().message(),
                                  printable(error.path1().string())));
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(staged, ignored);
    throw;
  }
  context.console.note("{}, its weights a copy of {}", folder.string(), options.first);
  context.console.note(
      "to serve it: tritonserver --model-repository {} --backend-directory …/backends",
      repository.string());
  return ExitStatus::ok;
}

}  // namespace lamina::tools
