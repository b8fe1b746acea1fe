// What the parts of an HTTP answer mean to a download.
#pragma once

#include <cstdint>
#include <string_view>

namespace lamina::models::detail {

/// " (not found)" for 404; empty for what has no common name.
const char* reason_of(int status);

/// Whether the same request may go well later.
bool is_passing(int status);

struct ContentRange {
  std::int64_t first = -1, total = -1;  ///< -1: not said
};

/// Of "bytes 100-199/1000", or ".../*" where the server does not know the total.
ContentRange parse_content_range(std::string_view text);

}  // namespace lamina::models::detail
