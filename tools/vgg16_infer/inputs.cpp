#include "tools/vgg16_infer/inputs.h"

#include "tools/support/failure.h"
#include "tools/support/interrupt.h"
#include "tools/support/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <unordered_set>

namespace lamina::tools {
namespace {

namespace fs = std::filesystem;

// Names of images, those of kinds that cannot be read included: they are errors, not strangers.
constexpr std::array kExtensions{".jpg",  ".jpeg", ".jpe",  ".jfif", ".png",  ".bmp", ".gif",
                                 ".webp", ".tif",  ".tiff", ".heic", ".avif", ".ppm", ".pgm"};
constexpr std::array<std::string_view, 5> kMagic{"\xff\xd8\xff", "\x89PNG\r\n", "BM", "GIF87a",
                                                 "GIF89a"};

bool has_image_name(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

bool has_image_bytes(const fs::path& path) {
  std::array<char, 8> bytes{};
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), bytes.size());
  const std::string_view head(bytes.data(), static_cast<std::size_t>(file.gcount()));
  return std::any_of(kMagic.begin(), kMagic.end(),
                     [&](std::string_view magic) { return head.starts_with(magic); });
}

class Collector {
 public:
  Collector(const InferOptions& options, const Console& console)
      : options_(options), console_(console) {}

  std::vector<Input> collect() {
    for (const std::string& input : options_.inputs) add(input);
    return std::move(inputs_);
  }

 private:
  void add(const std::string& input) {
    std::error_code error;
    if (input.starts_with('@') && input.size() > 1) {
      add_list(input.substr(1));
    } else if (input == "-") {
      add_stdin();
    } else if (fs::is_directory(input, error)) {
      add_directory(input);
    } else {
      add_file(input);
    }
  }

  void add_file(std::string path) { inputs_.push_back({std::move(path), ""}); }
  void add_failed(const std::string& path, std::string_view why) {
    inputs_.push_back({path, fmt::format("[input] {}: {}", why, path)});
  }

  void add_stdin() {
    if (stdin_used_) throw UsageError("stdin can be read once only: -");
    stdin_used_ = true;
    add_file("-");
  }

  void add_list(const std::string& list) {
    if (list == "-") {
      if (stdin_used_) throw UsageError("stdin can be read once only: @-");
      stdin_used_ = true;
      add_lines(std::cin);
      return;
    }
    std::error_code error;
    std::ifstream file(list);
    if (!file || fs::is_directory(list, error)) {
      add_failed("@" + list, fmt::format("cannot read the list: {}", std::strerror(errno)));
      return;
    }
    add_lines(file);
  }

  void add_lines(std::istream& lines) {
    for (std::string line; std::getline(lines, line);) {
      if (line.ends_with('\r')) line.pop_back();
      if (!line.empty()) add_file(line);
    }
  }

  void add_directory(const std::string& directory) {
    const std::size_t before = inputs_.size(), skipped_before = skipped_;
    walk(directory);
    if (skipped_ > skipped_before) {
      console_.note("skipped {} files that are no images: {}", skipped_ - skipped_before,
                    directory);
    }
    if (inputs_.size() > before) return;
    add_failed(directory, options_.recursive ? "no images in this directory"
                                             : "no images in this directory (-r looks deeper)");
  }

  void walk(const fs::path& directory) {
    throw_if_interrupted();
    std::error_code error;
    std::vector<fs::directory_entry> entries;
    fs::directory_iterator it(directory, error);
    for (; !error && it != fs::directory_iterator(); it.increment(error)) entries.push_back(*it);
    if (error) add_failed(directory.string(), fmt::format("cannot list: {}", error.message()));
    std::sort(entries.begin(), entries.end());
    for (const fs::directory_entry& entry : entries) {
      if (entry.path().filename().string().starts_with('.')) continue;
      if (entry.is_directory(error)) {
        // Links to directories are not followed: they can lead round in a circle.
        if (options_.recursive && !entry.is_symlink(error)) walk(entry.path());
      } else if (has_image_name(entry.path()) || has_image_bytes(entry.path())) {
        add_file(entry.path().string());
      } else {
        ++skipped_;
      }
    }
  }

  const InferOptions& options_;
  const Console& console_;
  std::vector<Input> inputs_;
  std::size_t skipped_ = 0;
  bool stdin_used_ = false;
};

// "2/8" -> index and count. 0/N is N/N, so that a script that counts from zero covers all parts
// too.
struct Shard {
  std::uint64_t index = 0, count = 1;

  bool holds(const Input& input) const { return stable_hash(input.path) % count == index; }
};

Shard parse_shard(const std::string& text) {
  Shard shard;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, shard.index);
  const bool slash = first.ec == std::errc() && first.ptr != end && *first.ptr == '/';
  const auto second = slash ? std::from_chars(first.ptr + 1, end, shard.count) : first;
  const bool whole = slash && second.ec == std::errc() && second.ptr == end;
  if (!whole || shard.count == 0 || shard.index > shard.count) {
    throw UsageError(fmt::format("'{}' is not a part of a whole: --shard I/N", text),
                     "for example --shard 1/4, 2/4, 3/4 and 4/4");
  }
  shard.index %= shard.count;
  return shard;
}

void leave_out_done(std::vector<Input>& inputs, const std::string& jsonl, const Console& console) {
  const std::vector<std::string> paths = paths_done(jsonl);
  const std::unordered_set<std::string> done(paths.begin(), paths.end());
  // A name that is no UTF-8 is not in the file as it is on the disk, so it is always done again.
  const auto count = std::erase_if(
      inputs, [&](const Input& input) { return done.contains(input.path) && is_utf8(input.path); });
  if (count > 0) console.note("{} done already, {} to do: {}", count, inputs.size(), jsonl);
}

}  // namespace

std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  // FNV's low bits hang on the low bits of the text alone; a remainder needs them mixed.
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdU;
  return hash ^ (hash >> 33);
}

std::vector<std::string> paths_done(const std::string& jsonl) {
  std::vector<std::string> paths;
  std::error_code error;
  if (!fs::exists(jsonl, error)) return paths;
  std::ifstream file(jsonl);
  if (!file) throw OutputError(fmt::format("cannot read: {}: {}", std::strerror(errno), jsonl));
  std::int64_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (file.eof()) break;  // no newline: a crash cut it short
    const auto object = nlohmann::json::parse(line, nullptr, false);
    if (!object.is_object() || !object.contains("path") || !object["path"].is_string()) {
      throw UsageError(fmt::format("line {} is not a result of vgg16-infer: {}", number, jsonl),
                       "--resume takes a file that --format jsonl wrote");
    }
    if (object.value("ok", false)) paths.push_back(object["path"]);
  }
  return paths;
}

std::vector<Input> collect_inputs(const InferOptions& options, const Console& console) {
  const Shard shard = options.shard.empty() ? Shard() : parse_shard(options.shard);
  std::vector<Input> inputs = Collector(options, console).collect();
  if (shard.count > 1)
    std::erase_if(inputs, [&](const Input& input) { return !shard.holds(input); });
  if (!options.resume.empty()) leave_out_done(inputs, options.resume, console);
  return inputs;
}

}  // namespace lamina::tools
