#include "models/download/http_answer.h"

#include <charconv>

namespace lamina::models::detail {

const char* reason_of(int status) {
  switch (status) {
    case 401: return " (not authorised)";
    case 403: return " (forbidden)";
    case 404: return " (not found)";
    case 407: return " (the proxy wants a password)";
    case 408: return " (time-out)";
    case 410: return " (gone)";
    case 429: return " (too many requests)";
    case 500: return " (internal error)";
    case 502: return " (bad gateway)";
    case 503: return " (not available)";
    case 504: return " (gateway time-out)";
    default: return "";
  }
}

bool is_passing(int status) { return status == 408 || status == 429 || status >= 500; }

ContentRange parse_content_range(std::string_view text) {
  ContentRange range;
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return range;
  text.remove_prefix(kUnit.size());
  std::from_chars(text.data(), text.data() + text.size(), range.first);
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    std::from_chars(text.data() + slash + 1, text.data() + text.size(), range.total);
  }
  return range;
}

}  // namespace lamina::models::detail
