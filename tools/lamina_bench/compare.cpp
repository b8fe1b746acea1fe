#include "tools/lamina_bench/compare.h"

#include "tools/support/failure.h"
#include "tools/support/output.h"
#include "tools/support/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

namespace lamina::tools {
namespace {

using nlohmann::json;

constexpr double kSpreads = 3, kLeastPercent = 1;

struct Timing {
  double p50_ms, spread_percent;
};

std::string text_of(const json& row, const char* name) {
  const auto found = row.find(name);
  if (found == row.end() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

// What makes two rows the same measurement, and names it.
std::string key_of(const json& row) {
  std::string key;
  for (const char* name :
       {"engine", "model", "device", "precision", "mode", "threads", "batch", "layer"}) {
    const std::string value = text_of(row, name);
    if (value.empty()) continue;
    const bool is_count = std::strcmp(name, "threads") == 0 || std::strcmp(name, "batch") == 0;
    key += (key.empty() ? "" : " ") + (is_count ? std::string(1, name[0]) + value : value);
  }
  return key;
}

json parse_rows(const std::string& text, const std::string& path) {
  json rows = json::parse(text, nullptr, false);
  if (rows.is_array()) return rows;
  rows = json::array();
  std::istringstream lines(text);
  std::int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.empty()) continue;
    json row = json::parse(line, nullptr, false);
    if (!row.is_object()) {
      throw Failure(ExitStatus::no_model, fmt::format("not a row: {}:{}", path, number),
                    "rows are what lamina-bench --format json or jsonl writes");
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

// In the order of the file.
std::vector<std::pair<std::string, Timing>> read_timings(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw IoError(fmt::format("cannot read: {}: {}", std::strerror(errno), path));
  std::ostringstream text;
  text << file.rdbuf();
  std::vector<std::pair<std::string, Timing>> timings;
  for (const json& row : parse_rows(text.str(), path)) {
    const json& p50 = row.is_object() ? row.value("p50_ms", json()) : json();
    if (!p50.is_number() || !(p50.get<double>() > 0)) {
      throw Failure(ExitStatus::no_model,
                    fmt::format("row {} has no p50_ms: {}", timings.size() + 1, path));
    }
    const json spread = row.value("spread_percent", json());
    timings.emplace_back(
        key_of(row), Timing{p50.get<double>(), spread.is_number() ? spread.get<double>() : 0.0});
  }
  return timings;
}

std::string verdict(const Timing& before, const Timing& after) {
  const double percent = 100 * (after.p50_ms / before.p50_ms - 1);
  const double noise =
      std::max(kSpreads * std::max(before.spread_percent, after.spread_percent), kLeastPercent);
  if (std::abs(percent) <= noise) return fmt::format("within noise (+-{:.1f} %)", noise);
  return percent < 0 ? "faster" : "slower";
}

}  // namespace

ExitStatus compare_rows(const std::string& before_path, const std::string& after_path) {
  const auto before = read_timings(before_path);
  std::map<std::string, Timing> after;
  for (auto& [key, timing] : read_timings(after_path)) after.insert_or_assign(key, timing);
  Table table({"measurement", ">before ms", ">after ms", ">ratio", "verdict"});
  int common = 0;
  for (const auto& [key, timing] : before) {
    const auto found = after.find(key);
    if (found == after.end()) continue;
    ++common;
    table.add({key, fmt::format("{:.4g}", timing.p50_ms),
               fmt::format("{:.4g}", found->second.p50_ms),
               fmt::format("{:.3f}", found->second.p50_ms / timing.p50_ms),
               verdict(timing, found->second)});
  }
  if (common == 0) {
    throw Failure(ExitStatus::some_failed,
                  fmt::format("no row in common: {} and {}", before_path, after_path));
  }
  print(table.text());
  return ExitStatus::ok;
}

}  // namespace lamina::tools
