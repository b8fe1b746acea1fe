// "Did you mean …?": the candidate closest to a misspelt name.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lamina {

/// The candidate with the smallest edit distance (insert, delete, replace, swap of neighbours), or
/// nothing where even that one is further than a third of the name's length, and at least 2.
std::optional<std::string> nearest_name(std::string_view name,
                                        std::span<const std::string> candidates);

}  // namespace lamina
