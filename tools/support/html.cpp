#include "tools/support/html.h"

#include "tools/support/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace lamina::tools {
namespace {

// Through JSON, which knows how to repair UTF-8.
std::string as_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  return nlohmann::json::parse(json_string(text)).get<std::string>();
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : line_field(as_utf8(text))) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string base64(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(bytes.size() - i, 3);
    unsigned word = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      word = word << 8 | (k < count ? std::to_integer<unsigned>(bytes[i + k]) : 0);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += k <= count ? kDigits[word >> (18 - 6 * k) & 63] : '=';
    }
  }
  return out;
}

std::string data_url(std::string_view type, std::span<const std::byte> bytes) {
  return "data:" + std::string(type) + ";base64," + base64(bytes);
}

}  // namespace lamina::tools
