#include "tools/lamina_bench/row.h"

#include "tools/support/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace lamina::tools {
namespace {

enum class Kind { text, number };

struct Field {
  std::string_view name;
  Kind kind;
  std::string value;  // empty: absent
};

std::string number(std::optional<double> value) { return value ? json_number(*value) : ""; }

// Every value of a row in the order of the columns.
std::vector<Field> fields_of(const Row& r) {
  constexpr Kind text = Kind::text, num = Kind::number;
  return {{"engine", text, r.engine},
          {"device", text, r.device},
          {"precision", text, r.precision},
          {"threads", num, std::to_string(r.threads)},
          {"batch", num, std::to_string(r.batch)},
          {"n", num, std::to_string(r.n)},
          {"min_ms", num, json_number(r.min_ms)},
          {"p50_ms", num, json_number(r.p50_ms)},
          {"p90_ms", num, json_number(r.p90_ms)},
          {"p99_ms", num, json_number(r.p99_ms)},
          {"images_per_s", num, number(r.images_per_s)},
          {"gflops", num, number(r.gflops)},
          {"peak_percent", num, number(r.peak_percent)},
          {"load_ms", num, number(r.load_ms)},
          {"peak_rss_mib", num, number(r.peak_rss_mib)},
          {"max_rel_error", num, number(r.max_rel_error)},
          {"mode", text, r.mode},
          {"model", text, r.model},
          {"gpu_min_ms", num, number(r.gpu_min_ms)},
          {"gpu_p50_ms", num, number(r.gpu_p50_ms)},
          {"layer", text, r.layer},
          {"plan", text, r.plan},
          {"spread_percent", num, json_number(r.spread_percent)},
          {"expected_ms", num, number(r.expected_ms)},
          {"size", num, std::to_string(r.size)}};
}

std::string json_object(const Row& row) {
  std::string text = "{";
  for (const Field& field : fields_of(row)) {
    if (text.size() > 1) text += ",";
    const bool is_text = field.kind == Kind::text;
    text += fmt::format("{}:{}", json_string(field.name),
                        is_text               ? json_string(field.value)
                        : field.value.empty() ? "null"
                                              : field.value);
  }
  return text + "}";
}

std::string csv_line(const Row& row, bool header) {
  std::string text;
  for (const Field& field : fields_of(row)) {
    if (!text.empty()) text += ",";
    text += csv_field(header ? field.name : std::string_view(field.value));
  }
  return text + "\n";
}

std::string rounded(std::optional<double> value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "";
}

// Milliseconds with four digits that mean something.
std::string ms(double value) {
  return fmt::format("{:.{}f}", value, value < 1 ? 4 : value < 100 ? 2 : 1);
}

std::string gpu_ms(const std::optional<double>& value) { return value ? ms(*value) : ""; }

// A table for people, with the columns that some row fills; it is legal Markdown.
std::string markdown(const std::vector<Row>& rows) {
  struct Column {
    const char* name;
    bool right;
    std::string (*cell)(const Row&);
  };
  static const Column kColumns[] = {
      {"layer", false, [](const Row& r) { return r.layer; }},
      {"plan", false, [](const Row& r) { return r.plan; }},
      {"engine", false, [](const Row& r) { return r.mode == "layers" ? "" : r.engine; }},
      {"model", false, [](const Row& r) { return r.mode == "layers" ? "" : r.model; }},
      {"device", false, [](const Row& r) { return r.device; }},
      {"precision", false, [](const Row& r) { return r.precision; }},
      {"mode", false, [](const Row& r) { return r.mode; }},
      {"threads", true, [](const Row& r) { return std::to_string(r.threads); }},
      {"batch", true, [](const Row& r) { return std::to_string(r.batch); }},
      {"n", true, [](const Row& r) { return std::to_string(r.n); }},
      {"expected_ms", true, [](const Row& r) { return r.expected_ms ? ms(*r.expected_ms) : ""; }},
      {"min_ms", true, [](const Row& r) { return ms(r.min_ms); }},
      {"p50_ms", true, [](const Row& r) { return ms(r.p50_ms); }},
      {"p90_ms", true, [](const Row& r) { return ms(r.p90_ms); }},
      {"p99_ms", true, [](const Row& r) { return ms(r.p99_ms); }},
      {"gpu_min_ms", true, [](const Row& r) { return gpu_ms(r.gpu_min_ms); }},
      {"gpu_p50_ms", true, [](const Row& r) { return gpu_ms(r.gpu_p50_ms); }},
      {"images_per_s", true, [](const Row& r) { return rounded(r.images_per_s, 2); }},
      {"gflops", true, [](const Row& r) { return rounded(r.gflops, 1); }},
      {"peak_percent", true, [](const Row& r) { return rounded(r.peak_percent, 1); }},
      {"load_ms", true, [](const Row& r) { return rounded(r.load_ms, 1); }},
      {"peak_rss_mib", true, [](const Row& r) { return rounded(r.peak_rss_mib, 0); }},
      {"max_rel_error", true,
       [](const Row& r) {
         return r.max_rel_error ? fmt::format("{:.1e}", *r.max_rel_error) : std::string();
       }},
      {"note", false,
       [](const Row& r) {
         return r.spread_percent > kNoisyPercent
                    ? fmt::format("noisy: spread {:.1f} %", r.spread_percent)
                    : std::string();
       }},
  };
  std::vector<std::string> lines(rows.size() + 2, "|");
  for (const Column& column : kColumns) {
    std::vector<std::string> cells;
    for (const Row& row : rows) cells.push_back(column.cell(row));
    std::size_t width = 0;
    for (const std::string& cell : cells) width = std::max(width, cell.size());
    if (width == 0) continue;
    width = std::max(width, std::string_view(column.name).size());
    const auto append = [&](std::string& line, std::string_view cell) {
      line += column.right ? fmt::format(" {:>{}} |", cell, width)
                           : fmt::format(" {:<{}} |", cell, width);
    };
    append(lines[0], column.name);
    lines[1] += std::string(width + 1, '-') + (column.right ? ":|" : "-|");
    for (std::size_t i = 0; i < cells.size(); ++i) append(lines[i + 2], cells[i]);
  }
  return fmt::format("{}\n", fmt::join(lines, "\n"));
}

}  // namespace

std::string RowWriter::begin() const {
  if (format_ == "csv") return csv_line({}, true);
  return format_ == "json" ? "[\n" : "";
}

std::string RowWriter::row(const Row& row) {
  rows_.push_back(row);
  if (format_ == "csv") return csv_line(row, false);
  if (format_ == "jsonl") return json_object(row) + "\n";
  if (format_ == "json") return (rows_.size() > 1 ? ",\n " : " ") + json_object(row);
  return {};
}

std::string RowWriter::end() const {
  if (format_ == "json") return "\n]\n";
  return format_ == "md" && !rows_.empty() ? markdown(rows_) : "";
}

}  // namespace lamina::tools
