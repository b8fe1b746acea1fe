// The answer for one pair, and how it is written.
#pragma once

#include <cstdint>
#include <string>

namespace lamina::tools {

struct LpipsRow {
  std::string a, b;
  std::string error;  ///< empty: fine, and the rest holds
  double distance = 0;
  std::int64_t width = 0, height = 0;
};

/// One line. As text a failed pair has none: it is on stderr, and a line is always an answer.
std::string to_text(const LpipsRow& row);
std::string to_json_line(const LpipsRow& row);

}  // namespace lamina::tools
