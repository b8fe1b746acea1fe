#include "tools/lamina_lpips/row.h"

#include "tools/support/text.h"

#include <fmt/format.h>

namespace lamina::tools {
namespace {

// With the digits of a float: those behind are the rounding's.
std::string number(double distance) { return json_number(static_cast<float>(distance)); }

}  // namespace

std::string to_text(const LpipsRow& row) {
  if (!row.error.empty()) return {};
  return fmt::format("{}\t{}\t{}\n", number(row.distance), line_field(row.a), line_field(row.b));
}

std::string to_json_line(const LpipsRow& row) {
  const std::string paths = fmt::format(R"("a":{},"b":{})", json_string(row.a), json_string(row.b));
  if (!row.error.empty()) {
    return fmt::format("{{{},\"ok\":false,\"error\":{}}}\n", paths, json_string(row.error));
  }
  return fmt::format("{{{},\"ok\":true,\"distance\":{},\"width\":{},\"height\":{}}}\n", paths,
                     number(row.distance), row.width, row.height);
}

}  // namespace lamina::tools
