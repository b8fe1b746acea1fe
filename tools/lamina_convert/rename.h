// Other programs' names for the same tensors.
#pragma once

#include <lamina/core/state_dict.h>

#include <string>

namespace lamina::tools {

/// The same tensors in the same order: `prefix` taken off the names that begin with it, then the
/// names replaced as `map` says: "torchvision" or "" leaves them, "timm" takes timm's VGG names
/// (whose fully connected layers are convolutions, reshaped), else a file with "OLD NEW" a line,
/// '#' beginning a comment. Errors: UsageError where nothing has the prefix, a line is not two
/// names, or two tensors get one name; IoError.
StateDict renamed(const StateDict& tensors, const std::string& prefix, const std::string& map);

}  // namespace lamina::tools
