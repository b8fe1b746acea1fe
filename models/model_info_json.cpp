#include "models/model_json.h"

#include <lamina/core/error.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace lamina::models::detail {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t kMaxSide = 1 << 20;  // of an image, in pixels

// A float as the shortest decimal that reads back as the same float: 0.485, not 0.4850000143051147.
double shortest(float value) { return std::stod(fmt::format("{}", value)); }

ordered_json channels_to_value(const std::array<float, 3>& channels) {
  ordered_json values = ordered_json::array();
  for (const float channel : channels) values.push_back(shortest(channel));
  return values;
}

[[noreturn]] void fail(std::string_view field, std::string_view expected) {
  throw FormatError(FormatErrc::bad_field,
                    fmt::format("[model] weights: '{}' is not {}", field, expected));
}

/// Calls `read` on a member that is there.
template <typename Read>
void with_member(const ordered_json& object, const char* name, const Read& read) {
  if (const auto found = object.find(name); found != object.end()) read(*found);
}

std::string read_string(const ordered_json& value, std::string_view field) {
  if (!value.is_string()) fail(field, "a string");
  return value.get<std::string>();
}

std::int64_t read_side(const ordered_json& value, std::string_view field) {
  if (!value.is_number_integer() || value < 0 || value > kMaxSide) {
    fail(field, fmt::format("a whole number from 0 to {}", kMaxSide));
  }
  return value.get<std::int64_t>();
}

std::array<float, 3> read_channels(const ordered_json& value, std::string_view field) {
  std::array<float, 3> channels{};
  if (!value.is_array() || value.size() != channels.size()) fail(field, "an array of 3 numbers");
  for (std::size_t i = 0; i < channels.size(); ++i) {
    if (!value[i].is_number()) fail(field, "an array of 3 numbers");
    channels[i] = value[i].get<float>();
    if (!std::isfinite(channels[i])) fail(field, "an array of 3 finite numbers");
  }
  return channels;
}

vision::Transforms read_transforms(const ordered_json& value) {
  if (!value.is_object()) fail("transforms", "an object");
  vision::Transforms transforms;
  with_member(value, "resize",
              [&](const auto& v) { transforms.resize = read_side(v, "transforms.resize"); });
  with_member(value, "crop",
              [&](const auto& v) { transforms.crop = read_side(v, "transforms.crop"); });
  with_member(value, "mean",
              [&](const auto& v) { transforms.mean = read_channels(v, "transforms.mean"); });
  with_member(value, "std", [&](const auto& v) {
    transforms.std = read_channels(v, "transforms.std");
    for (const float std : transforms.std) {
      if (!(std > 0)) fail("transforms.std", "an array of 3 positive numbers");
    }
  });
  return transforms;
}

std::vector<std::string> read_labels(const ordered_json& value) {
  if (!value.is_array()) fail("labels", "an array of strings");
  std::vector<std::string> labels;
  for (const ordered_json& label : value) labels.push_back(read_string(label, "labels"));
  return labels;
}

std::map<std::string, double> read_metrics(const ordered_json& value) {
  if (!value.is_object()) fail("metrics", "an object of numbers");
  std::map<std::string, double> metrics;
  for (const auto& [name, metric] : value.items()) {
    if (!metric.is_number()) fail("metrics." + name, "a number");
    metrics[name] = metric.template get<double>();
  }
  return metrics;
}

InputRanges read_input_ranges(const ordered_json& value) {
  if (!value.is_object()) fail("input_ranges", "an object of numbers");
  InputRanges ranges;
  for (const auto& [name, range] : value.items()) {
    const double number = range.is_number() ? range.template get<double>() : -1;
    if (!(number >= 0 && number <= std::numeric_limits<float>::max())) {
      fail("input_ranges." + name, "a number from 0 on that a float can hold");
    }
    ranges[name] = static_cast<float>(number);
  }
  return ranges;
}

ordered_json input_ranges_to_value(const InputRanges& ranges) {
  ordered_json value = ordered_json::object();
  for (const auto& [name, range] : ranges) value[name] = shortest(range);
  return value;
}

ordered_json parse_info(std::string_view text) {
  check_model_text(text, "weights");
  ordered_json value = ordered_json::parse(text);
  if (!value.is_object()) fail("weights", "an object");
  return value;
}

}  // namespace

std::string to_json(const ModelInfo& info) {
  const vision::Transforms& transforms = info.transforms;
  ordered_json value = {{"name", info.name}, {"source", info.weights}};
  if (!info.labels.empty()) value["labels"] = info.labels;
  value["transforms"] = {{"resize", transforms.resize},
                         {"crop", transforms.crop},
                         {"mean", channels_to_value(transforms.mean)},
                         {"std", channels_to_value(transforms.std)}};
  if (!info.metrics.empty()) value["metrics"] = info.metrics;
  if (!info.input_ranges.empty()) value["input_ranges"] = input_ranges_to_value(info.input_ranges);
  return value.dump();
}

ModelInfo model_info_from_json(std::string_view text) {
  ModelInfo info;
  if (text.empty()) return info;
  const ordered_json value = parse_info(text);
  with_member(value, "name", [&](const auto& v) { info.name = read_string(v, "name"); });
  with_member(value, "source", [&](const auto& v) { info.weights = read_string(v, "source"); });
  with_member(value, "labels", [&](const auto& v) { info.labels = read_labels(v); });
  with_member(value, "transforms", [&](const auto& v) { info.transforms = read_transforms(v); });
  with_member(value, "metrics", [&](const auto& v) { info.metrics = read_metrics(v); });
  with_member(value, "input_ranges",
              [&](const auto& v) { info.input_ranges = read_input_ranges(v); });
  return info;
}

std::string with_input_ranges(std::string_view text, const InputRanges& ranges) {
  ordered_json value = text.empty() ? ordered_json::object() : parse_info(text);
  value.erase("input_ranges");
  if (!ranges.empty()) value["input_ranges"] = input_ranges_to_value(ranges);
  return value.dump();
}

}  // namespace lamina::models::detail
