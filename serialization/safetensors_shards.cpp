// Large models in several safetensors files, as Hugging Face names and indexes them.
#include <lamina/serialization/safetensors.h>

#include "core/mapped_file.h"
#include "core/require.h"
#include "serialization/format_error.h"
#include "serialization/json_text.h"
#include "serialization/safetensors_write.h"
#include "serialization/tensor_record.h"

#include <list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::serialization {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWeightMap = "weight_map";
constexpr std::size_t kMaxShards = 99'999;  // five digits in their names

// The names of an index's tensors, by the file that holds them.
using NamesByFile = std::map<std::string, std::set<std::string, std::less<>>>;

// A file beside the index, and nowhere else.
bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

NamesByFile parse_index(std::string_view text, const fs::path& path) {
  if (static_cast<std::int64_t>(text.size()) > kMaxJsonBytes) {
    throw_format(FormatErrc::limit, path, "too long: an index of {} bytes, at most {}", text.size(),
                 kMaxJsonBytes);
  }
  check_json(text, "index", path);
  const auto members = json_members(text);
  const auto map =
      members ? json_members(find_member(*members, kWeightMap)) : std::optional<JsonMembers>();
  if (!map) {
    throw_format(FormatErrc::bad_field, path, "bad field: '{}' is missing or of the wrong type",
                 kWeightMap);
  }
  NamesByFile names;
  for (const auto& [name, value] : *map) {
    check_name(name, path);
    const auto file = json_string(value);
    if (!file || !is_plain_file_name(*file)) {
      throw_format(FormatErrc::bad_name, path,
                   "bad name: a shard is not a file beside the index: {}: tensor '{}'", value,
                   name);
    }
    names[*file].insert(name);
  }
  return names;
}

// The tensors in the order given, as many to a shard as fit; a larger one has its own.
std::vector<StateDict> split(const StateDict& tensors, std::int64_t max_bytes) {
  std::vector<StateDict> shards;
  for (const auto& [name, tensor] : tensors) {
    if (shards.empty() ||
        (!shards.back().empty() && shards.back().nbytes() > max_bytes - tensor.nbytes())) {
      shards.emplace_back().metadata() = tensors.metadata();
    }
    shards.back().insert(name, tensor);
  }
  return shards;
}

std::string format_index(const StateDict& tensors,
                         const std::map<std::string, std::string>& file_of) {
  std::string text =
      fmt::format("{{\n  \"metadata\": {{\n    \"total_size\": {}\n  }},\n", tensors.nbytes());
  text += fmt::format("  {}: {{", json_quote(kWeightMap));
  const char* separator = "\n    ";
  for (const auto& [name, file] : file_of) {
    text += fmt::format("{}{}: {}", separator, json_quote(name), json_quote(file));
    separator = ",\n    ";
  }
  return text + "\n  }\n}\n";
}

// Gives all files their names, the index last, so that it never names a shard that is not there.
void commit(std::list<AtomicFile>& shards, const std::vector<fs::path>& paths,
            const fs::path& index_path, AtomicFile& index) {
  std::error_code ignored;
  // An older index would go on naming shards of the same names, whose tensors are other ones.
  fs::remove(index_path, ignored);
  std::size_t committed = 0;
  try {
    for (AtomicFile& shard : shards) {
      shard.commit();
      ++committed;
    }
    index.commit();
  } catch (...) {
    for (std::size_t i = 0; i < committed; ++i) fs::remove(paths[i], ignored);
    throw;
  }
}

}  // namespace

fs::path safetensors_index_path(const fs::path& path) {
  return path.parent_path() / (path.stem().string() + ".safetensors.index.json");
}

StateDict load_safetensors_index(const fs::path& path, const LoadOptions& options) {
  const auto file = MappedFile::open(path);
  const NamesByFile names = parse_index(
      {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()}, path);
  StateDict tensors;
  for (const auto& [shard_name, wanted] : names) {
    const StateDict shard = load_safetensors(path.parent_path() / shard_name, options);
    for (const auto& [key, value] : shard.metadata()) tensors.metadata().try_emplace(key, value);
    for (const std::string& name : wanted) {
      if (!shard.contains(name)) {
        throw_format(FormatErrc::bad_field, path, "bad field: tensor '{}' is not in {}", name,
                     shard_name);
      }
    }
    for (const auto& [name, tensor] : shard) {
      if (wanted.contains(name)) tensors.insert(name, tensor);
    }
  }
  return tensors;
}

std::int64_t save_safetensors_shards(const StateDict& tensors, const fs::path& path,
                                     std::int64_t max_shard_bytes, const SaveOptions& options) {
  LAMINA_REQUIRE(max_shard_bytes > 0, "[save] shards of {} bytes", max_shard_bytes);
  check_writable(tensors);
  const std::vector<StateDict> shards = split(tensors, max_shard_bytes);
  if (shards.size() <= 1) {
    save_safetensors(tensors, path, options);
    return 1;
  }
  LAMINA_REQUIRE(shards.size() <= kMaxShards, "[save] {} shards, at most {}", shards.size(),
                 kMaxShards);

  const fs::path index_path = safetensors_index_path(path);
  check_target(index_path, options);
  SaveProgress progress(options.progress, tensors.nbytes());
  std::list<AtomicFile> files;  // a list, since they cannot be moved
  std::vector<fs::path> paths;
  std::map<std::string, std::string> file_of;
  for (const StateDict& shard : shards) {
    const std::string name = fmt::format("{}-{:05d}-of-{:05d}.safetensors", path.stem().string(),
                                         paths.size() + 1, shards.size());
    paths.push_back(path.parent_path() / name);
    check_target(paths.back(), options);
    write_safetensors(shard, files.emplace_back(paths.back()), progress);
    for (const auto& [tensor_name, tensor] : shard) file_of[tensor_name] = name;
  }
  AtomicFile index(index_path);
  index.write(as_bytes(format_index(tensors, file_of)));
  commit(files, paths, index_path, index);
  return static_cast<std::int64_t>(paths.size());
}

}  // namespace lamina::serialization
