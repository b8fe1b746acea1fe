// JSON from hostile files, read as slices of its text.
//
// check_json() goes over the text once and refuses what a reader must not meet. After it the other
// functions pick values out of the text without building a tree: a header with thousands of tensors
// costs no more than its bytes, and a value that is only passed on stays byte for byte as it was.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::serialization {

inline constexpr std::int64_t kMaxJsonBytes = 100'000'000;
inline constexpr int kMaxJsonDepth = 64;
/// Of the objects that are open at one place together.
inline constexpr std::size_t kMaxJsonKeys = 250'000;
/// More whole numbers than this are no shape.
inline constexpr std::size_t kMaxJsonIntegers = 64;

/// Throws FormatError: limit (depth, keys, a string beyond 16 MiB), duplicate_name (two equal keys
/// in one object), bad_json (all else, invalid UTF-8 included). `what` is what the text is called
/// in messages: "manifest".
void check_json(std::string_view text, const char* what, const std::filesystem::path& file,
                std::size_t max_keys = kMaxJsonKeys);

/// The members of an object, in the text's order; nothing where the text is another kind of value.
/// Requires: the text has passed check_json().
using JsonMembers = std::vector<std::pair<std::string, std::string_view>>;
std::optional<JsonMembers> json_members(std::string_view text);

/// Calls `use` with each element of an array; false where the text is another kind of value.
/// Requires: the text has passed check_json().
bool for_each_element(std::string_view text, const std::function<void(std::string_view)>& use);

/// The value of a string, of a whole number that fits int64, of a short array of those; nothing
/// where the text is anything else. Requires: the text has passed check_json().
std::optional<std::string> json_string(std::string_view text);
std::optional<std::int64_t> json_integer(std::string_view text);
std::optional<std::vector<std::int64_t>> json_integers(std::string_view text);

/// The slice of one member; empty where there is none.
std::string_view find_member(const JsonMembers& members, std::string_view name);

/// A string as a JSON literal. Requires: valid UTF-8.
std::string json_quote(std::string_view text);

}  // namespace lamina::serialization
