#include "tools/lamina_convert/commands.h"
#include "tools/lamina_convert/weight_file.h"
#include "tools/support/interrupt.h"
#include "tools/support/output.h"
#include "tools/support/text.h"

#include <lamina/serialization/load.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

namespace lamina::tools {
namespace {

using Json = nlohmann::ordered_json;

// One name that is in either file.
struct Comparison {
  std::string name;
  const Tensor* a = nullptr;  // null: not there
  const Tensor* b = nullptr;
  std::optional<Difference> values;  // where the shapes are the same
  bool same = false;
};

struct Tolerance {
  double atol = 0, rtol = 0;
  bool given = false;  // dtypes may differ then
};

bool within(const Tensor& a, const Tensor& b, const Tolerance& tolerance) {
  if (!tolerance.given) return a.dtype() == b.dtype() && equal_bits(a, b);
  return allclose(a, b, tolerance.rtol, tolerance.atol);
}

// Exactly, where a double holds 53 bits only.
std::int64_t differing_integers(const Tensor& a, const Tensor& b) {
  const Tensor left = a.contiguous();
  const Tensor right = b.contiguous();
  const auto* x = static_cast<const char*>(left.raw_data());
  const auto* y = static_cast<const char*>(right.raw_data());
  const auto width = static_cast<std::size_t>(size_of(a.dtype()));
  std::int64_t count = 0;
  for (std::size_t at = 0; at < static_cast<std::size_t>(left.nbytes()); at += width) {
    count += std::memcmp(x + at, y + at, width) != 0 ? 1 : 0;
  }
  return count;
}

Comparison compare(const std::string& name, const Tensor* a, const Tensor* b,
                   const Tolerance& tolerance) {
  throw_if_interrupted();
  Comparison result{.name = name, .a = a, .b = b, .values = {}};
  if (a == nullptr || b == nullptr || a->shape() != b->shape()) return result;
  result.same = within(*a, *b, tolerance);
  result.values = difference(*a, *b);
  if (!is_floating(a->dtype()) && a->dtype() == b->dtype()) {
    result.values->differing = differing_integers(*a, *b);
  }
  return result;
}

std::vector<Comparison> compare_all(const StateDict& a, const StateDict& b,
                                    const Tolerance& tolerance, const Context& context) {
  Progress progress("compare", Progress::Unit::bytes, context.progress);
  std::vector<Comparison> list;
  std::int64_t done = 0;
  for (const auto& [name, tensor] : a) {
    list.push_back(compare(name, &tensor, b.find(name), tolerance));
    done += tensor.nbytes();
    progress.update(done, a.nbytes());
  }
  for (const auto& [name, tensor] : b) {
    if (!a.contains(name)) list.push_back(compare(name, nullptr, &tensor, tolerance));
  }
  return list;
}

std::string as_json(const ConvertOptions& options, const std::vector<Comparison>& list, bool same) {
  Json out;
  out["a"] = options.first;
  out["b"] = options.second;
  out["same"] = same;
  out["tensors"] = Json::array();
  const auto side = [](const Tensor* tensor) {
    if (tensor == nullptr) return Json();
    return Json{{"dtype", to_string(tensor->dtype())}, {"shape", tensor->shape().sizes()}};
  };
  for (const Comparison& each : list) {
    Json tensor{{"name", each.name}, {"same", each.same}, {"a", side(each.a)}, {"b", side(each.b)}};
    if (each.values) {
      tensor["max_abs"] = each.values->max_abs;
      tensor["max_abs_b"] = each.values->max_abs_reference;
      tensor["cosine"] = each.values->cosine;
      tensor["differing"] = each.values->differing;
    }
    out["tensors"].push_back(std::move(tensor));
  }
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string as_text(const ConvertOptions& options, const std::vector<Comparison>& list) {
  Table table({"differs", "name", "a", "b", ">max |a-b|", ">max |b|", ">cosine", ">elements"});
  std::int64_t different = 0;
  for (const Comparison& each : list) {
    if (each.same) continue;
    ++different;
    const char* what = "value";
    if (each.a == nullptr || each.b == nullptr) {
      what = each.a == nullptr ? "only in b" : "only in a";
    } else if (each.a->shape() != each.b->shape()) {
      what = "shape";
    } else if (each.a->dtype() != each.b->dtype()) {
      what = "dtype";
    }
    std::vector<std::string> row{what, line_field(each.name), each.a ? describe(*each.a) : "-",
                                 each.b ? describe(*each.b) : "-"};
    if (each.values) {
      row.push_back(fmt::format("{:.4g}", each.values->max_abs));
      row.push_back(fmt::format("{:.4g}", each.values->max_abs_reference));
      // Not "-nan", as the sign of what 0 * infinity gives would have it.
      const double cosine = each.values->cosine;
      row.push_back(std::isnan(cosine) ? "nan" : fmt::format("{:.9f}", cosine));
      row.push_back(with_commas(each.values->differing));
    }
    table.add(std::move(row));
  }
  const std::string names =
      fmt::format("{} and {}", printable(options.first), printable(options.second));
  if (different == 0) return fmt::format("same: {} tensors of {}\n", list.size(), names);
  return fmt::format("{}\n{} of {} tensors differ: {}\n", table.text(), different, list.size(),
                     names);
}

}  // namespace

ExitStatus diff(const ConvertOptions& options, const Context& context) {
  Progress progress("read", Progress::Unit::bytes, context.progress);
  const LoadOptions how =
      load_options(options, {options.first, options.second}, progress.callback());
  const StateDict a = load(options.first, how);
  const StateDict b = load(options.second, how);
  const Tolerance tolerance{.atol = std::max(options.atol, 0.0),
                            .rtol = std::max(options.rtol, 0.0),
                            .given = options.atol >= 0 || options.rtol >= 0};
  const std::vector<Comparison> list = compare_all(a, b, tolerance, context);
  const bool same =
      std::all_of(list.begin(), list.end(), [](const Comparison& c) { return c.same; });
  print(options.json ? as_json(options, list, same) : as_text(options, list));
  return same ? ExitStatus::ok : ExitStatus::differs;
}

}  // namespace lamina::tools
