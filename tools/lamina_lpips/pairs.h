// From the two things that the user named to pairs of pictures.
#pragma once

#include "tools/lamina_lpips/options.h"
#include "tools/support/console.h"
#include "tools/vgg16_infer/inputs.h"

#include <vector>

namespace lamina::tools {

/// Two pictures, one after the other, for each pair: a, b, a, b, … In two directories pictures of
/// one name (with -r: of one relative path) are a pair, in the order of the names; one without a
/// partner has the path where that should be beside it, and both have the error.
/// Errors:   UsageError for a directory and a file, or for stdin twice
std::vector<Input> collect_pairs(const LpipsToolOptions& options, const Console& console);

}  // namespace lamina::tools
