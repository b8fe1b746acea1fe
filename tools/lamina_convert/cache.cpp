#include "tools/lamina_convert/commands.h"
#include "tools/lamina_convert/weights_name.h"
#include "tools/support/failure.h"
#include "tools/support/output.h"
#include "tools/support/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <vector>

namespace lamina::tools {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using models::detail::PublishedWeights;

struct CachedFile {
  const PublishedWeights* weights;
  fs::path path;
  std::int64_t bytes;
  bool ours;   // in Lamina's cache, not PyTorch's
  bool whole;  // not a download that was broken off
};

fs::path own_folder() { return models::detail::weight_directories().front(); }

void add_if_there(std::vector<CachedFile>& files, const PublishedWeights& weights,
                  const fs::path& folder, const char* extension, bool whole) {
  const fs::path path = folder / (std::string(weights.file) + extension);
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return;
  const std::uintmax_t size = fs::file_size(path, error);
  files.push_back(
      {&weights, path, error ? 0 : static_cast<std::int64_t>(size), folder == own_folder(), whole});
}

std::vector<CachedFile> files_of(const PublishedWeights& weights) {
  std::vector<CachedFile> files;
  for (const fs::path& folder : models::detail::weight_directories()) {
    for (const char* extension : models::detail::kWeightExtensions) {
      add_if_there(files, weights, folder, extension, true);
    }
  }
  add_if_there(files, weights, own_folder(), ".pth.part", false);
  return files;
}

std::vector<CachedFile> all_files() {
  std::vector<CachedFile> files;
  for (const PublishedWeights& weights : models::detail::published_weights()) {
    const std::vector<CachedFile> some = files_of(weights);
    files.insert(files.end(), some.begin(), some.end());
  }
  return files;
}

const char* owner(const CachedFile& file) { return file.ours ? "lamina" : "pytorch"; }

std::string as_json(const std::vector<CachedFile>& files) {
  Json list = Json::array();
  for (const CachedFile& file : files) {
    list.push_back({{"name", full_name(*file.weights)},
                    {"file", file.path.filename().string()},
                    {"bytes", file.bytes},
                    {"cache", owner(file)},
                    {"path", file.path.string()},
                    {"complete", file.whole}});
  }
  return list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string as_text(const std::vector<CachedFile>& files) {
  Table table({"name", "file", ">size", "cache", "folder"});
  for (const CachedFile& file : files) {
    table.add({full_name(*file.weights), file.path.filename().string(),
               human_bytes(static_cast<double>(file.bytes)), owner(file),
               line_field(file.path.parent_path().string())});
  }
  return table.text();
}

ExitStatus list(const ConvertOptions& options, const Context& context) {
  const std::vector<CachedFile> files = all_files();
  if (options.json) {
    print(as_json(files));
  } else if (files.empty()) {
    context.console.note("no published weights on this machine: {}", own_folder().string());
  } else {
    print(as_text(files));
  }
  return ExitStatus::ok;
}

ExitStatus show_path(const ConvertOptions& options) {
  if (options.second.empty()) {
    print(own_folder().string() + "\n");
    return ExitStatus::ok;
  }
  const PublishedWeights& weights = published_weights_named(options.second);
  const auto found = models::detail::find_weight_file(weights);
  if (!found) {
    throw Failure(ExitStatus::no_model, "not on this machine: " + full_name(weights),
                  "lamina-convert download " + options.second);
  }
  print(found->string() + "\n");
  return ExitStatus::ok;
}

void remove_file(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) {
    throw OutputError(fmt::format("cannot remove: {}: {}", error.message(), path.string()));
  }
}

// PyTorch's files are PyTorch's to remove.
int remove_ours(const std::vector<CachedFile>& files) {
  int count = 0;
  for (const CachedFile& file : files) {
    if (!file.ours) continue;
    remove_file(file.path);
    if (!file.whole) remove_file(file.path.string() + "-info");
    print(file.path.string() + "\n");
    ++count;
  }
  return count;
}

ExitStatus remove(const ConvertOptions& options) {
  if (options.all != options.second.empty()) {
    throw UsageError("rm takes either a name or --all", "lamina-convert cache rm vgg16");
  }
  if (options.all) {
    remove_ours(all_files());
    return ExitStatus::ok;
  }
  const PublishedWeights& weights = published_weights_named(options.second);
  const std::vector<CachedFile> files = files_of(weights);
  if (remove_ours(files) == 0) {
    throw Failure(ExitStatus::no_model,
                  fmt::format("nothing of {} is there to remove: {}", full_name(weights),
                              own_folder().string()),
                  files.empty() ? "" : "PyTorch has one: " + files.front().path.string());
  }
  return ExitStatus::ok;
}

}  // namespace

ExitStatus cache(const ConvertOptions& options, const Context& context) {
  if (options.first == "ls") return list(options, context);
  return options.first == "path" ? show_path(options) : remove(options);
}

}  // namespace lamina::tools
