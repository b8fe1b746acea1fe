// Text and bytes as they may stand in an HTML page.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace lamina::tools {

/// Text that is nothing but text, in an element or a quoted attribute, whatever it is: < > & " '
/// are escaped, control characters shown as "\x1b", bytes that are not UTF-8 become U+FFFD.
std::string html_text(std::string_view text);

std::string base64(std::span<const std::byte> bytes);

/// "data:image/png;base64,…"
std::string data_url(std::string_view type, std::span<const std::byte> bytes);

}  // namespace lamina::tools
