#include "tools/lamina_convert/commands.h"
#include "tools/lamina_convert/tensor_stats.h"
#include "tools/lamina_convert/weight_file.h"
#include "tools/support/output.h"
#include "tools/support/text.h"

#include <lamina/serialization/container.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <map>
#include <optional>

namespace lamina::tools {
namespace {

using Json = nlohmann::ordered_json;
using serialization::FileKind;

// What the header says, whatever the kind of file.
struct Contents {
  std::string file, kind;
  std::int64_t file_bytes = 0, elements = 0;
  std::string created_by, model, weights, checkpoint;
  std::map<std::string, std::string> metadata;
  struct Entry {
    std::string name, dtype, alias_of;
    Shape shape;
    std::int64_t nbytes = 0;
    std::optional<std::int64_t> offset;
    std::optional<TensorStats> stats;
  };
  std::vector<Entry> tensors;
};

Contents from_container(const std::string& path) {
  serialization::ContainerInfo info = serialization::inspect_container(path);
  Contents contents;
  contents.kind = fmt::format("lamina {}.{}", info.version_major, info.version_minor);
  contents.created_by = std::move(info.created_by);
  contents.model = std::move(info.model);
  contents.weights = std::move(info.weights);
  contents.checkpoint = std::move(info.checkpoint);
  for (const serialization::TensorEntry& entry : info.tensors) {
    contents.tensors.push_back({.name = entry.name,
                                .dtype = to_string(entry.dtype),
                                .alias_of = entry.alias_of,
                                .shape = entry.shape,
                                .nbytes = entry.nbytes,
                                .offset = entry.offset,
                                .stats = {}});
  }
  return contents;
}

Contents from_tensors(FileKind kind, const StateDict& tensors) {
  Contents contents;
  contents.kind = to_string(kind);
  contents.metadata = tensors.metadata();
  for (const auto& [name, tensor] : tensors) {
    contents.tensors.push_back({.name = name,
                                .dtype = to_string(tensor.dtype()),
                                .alias_of = {},
                                .shape = tensor.shape(),
                                .nbytes = tensor.nbytes(),
                                .offset = {},
                                .stats = {}});
  }
  return contents;
}

void add_stats(Contents& contents, const StateDict& tensors, const Context& context) {
  Progress progress("read", Progress::Unit::bytes, context.progress);
  const auto advance = progress.callback();
  std::int64_t done = 0;
  for (Contents::Entry& entry : contents.tensors) {
    entry.stats = tensor_stats(tensors.at(entry.name));
    done += entry.nbytes;
    advance(done, tensors.nbytes());
  }
}

Contents read(const ConvertOptions& options, const Context& context) {
  const std::string& path = options.first;
  const FileKind kind = serialization::detect_kind(path);
  Progress progress("read", Progress::Unit::bytes, context.progress);
  const LoadOptions how = load_options(options, {path}, progress.callback());
  const bool header_only = kind == FileKind::lamina && !options.stats;
  const StateDict tensors = header_only ? StateDict() : load(path, how);
  Contents contents = kind == FileKind::lamina ? from_container(path) : from_tensors(kind, tensors);
  contents.file = path;
  contents.file_bytes = static_cast<std::int64_t>(std::filesystem::file_size(path));
  for (const Contents::Entry& entry : contents.tensors) contents.elements += entry.shape.numel();
  if (options.stats) add_stats(contents, tensors, context);
  return contents;
}

// The model's name and its weights', as the container's JSON texts have them.
std::string field(const std::string& json, const char* name) {
  const Json object = Json::parse(json, nullptr, false);
  const bool there = object.is_object() && object.contains(name) && object[name].is_string();
  return there ? object[name].get<std::string>() : "";
}

std::string calibration(const std::string& weights) {
  const Json object = Json::parse(weights, nullptr, false);
  if (!object.is_object() || !object.contains("input_ranges")) return "";
  const std::size_t count = object["input_ranges"].size();
  return fmt::format("calibrated, {} layer{}", count, count == 1 ? "" : "s");
}

Json parsed(const std::string& json) {
  return json.empty() ? Json() : Json::parse(json, nullptr, false);
}

std::string as_json(const Contents& contents) {
  Json out;
  out["file"] = contents.file;
  out["kind"] = contents.kind;
  out["bytes"] = contents.file_bytes;
  out["tensors"] = contents.tensors.size();
  out["parameters"] = contents.elements;
  if (!contents.created_by.empty()) out["created_by"] = contents.created_by;
  out["model"] = parsed(contents.model);
  out["weights"] = parsed(contents.weights);
  out["checkpoint"] = parsed(contents.checkpoint);
  out["metadata"] = contents.metadata;
  out["entries"] = Json::array();
  for (const Contents::Entry& entry : contents.tensors) {
    Json tensor;
    tensor["name"] = entry.name;
    tensor["dtype"] = entry.dtype;
    tensor["shape"] = entry.shape.sizes();
    tensor["nbytes"] = entry.nbytes;
    if (entry.offset) tensor["offset"] = *entry.offset;
    if (!entry.alias_of.empty()) tensor["alias_of"] = entry.alias_of;
    if (entry.stats) {
      const bool any = entry.stats->finite > 0;
      tensor["min"] = any ? Json(entry.stats->least) : Json();
      tensor["max"] = any ? Json(entry.stats->most) : Json();
      tensor["mean"] = any ? Json(entry.stats->mean) : Json();
      tensor["std"] = any ? Json(entry.stats->deviation) : Json();
      tensor["nan"] = entry.stats->not_numbers;
      tensor["inf"] = entry.stats->infinities;
    }
    out["entries"].push_back(std::move(tensor));
  }
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string tensor_table(const Contents& contents, bool stats) {
  std::vector<std::string> header{"name", "dtype", "shape", ">bytes"};
  if (stats) header.insert(header.end(), {">min", ">max", ">mean", ">std", ">nan", ">inf"});
  Table table(header);
  for (const Contents::Entry& entry : contents.tensors) {
    std::string name = line_field(entry.name);
    if (!entry.alias_of.empty()) name += " = " + line_field(entry.alias_of);
    std::vector<std::string> row{std::move(name), entry.dtype, to_string(entry.shape),
                                 with_commas(entry.nbytes)};
    if (entry.stats) {
      const TensorStats& s = *entry.stats;
      for (const double value : {s.least, s.most, s.mean, s.deviation}) {
        row.push_back(s.finite > 0 ? fmt::format("{:.5g}", value) : "-");
      }
      row.push_back(with_commas(s.not_numbers));
      row.push_back(with_commas(s.infinities));
    }
    table.add(std::move(row));
  }
  return table.text();
}

std::string dtype_counts(const Contents& contents) {
  std::map<std::string, int> counts;
  for (const Contents::Entry& entry : contents.tensors) ++counts[entry.dtype];
  std::vector<std::string> parts;
  for (const auto& [dtype, count] : counts) parts.push_back(fmt::format("{} {}", count, dtype));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string as_text(const Contents& contents, const ConvertOptions& options) {
  std::string out;
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty())
      out += fmt::format("{:<12}{}\n", fmt::format("{}:", name), printable(value));
  };
  line("file", contents.file);
  line("kind", contents.kind);
  line("size", fmt::format("{} ({} bytes)", human_bytes(static_cast<double>(contents.file_bytes)),
                           with_commas(contents.file_bytes)));
  line("tensors", fmt::format("{} ({})", contents.tensors.size(), dtype_counts(contents)));
  line("elements", with_commas(contents.elements));
  line("model", contents.model.empty() ? "" : field(contents.model, "type"));
  line("name", field(contents.weights, "name"));
  line("weights", field(contents.weights, "source"));
  line("int8, fp8", calibration(contents.weights));
  line("checkpoint", contents.checkpoint);
  line("created by", contents.created_by);
  for (const auto& [key, value] : contents.metadata) line("metadata", key + " = " + value);
  if (options.tensors || options.stats) out += "\n" + tensor_table(contents, options.stats);
  return out;
}

}  // namespace

ExitStatus inspect(const ConvertOptions& options, const Context& context) {
  const Contents contents = read(options, context);
  print(options.json ? as_json(contents) : as_text(contents, options));
  return ExitStatus::ok;
}

}  // namespace lamina::tools
