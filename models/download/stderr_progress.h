// The one line that VggOptions::progress asks the library to print.
#pragma once

#include <lamina/serialization/load.h>

#include <string>

namespace lamina::models::detail {

/// "vgg16-397923af.pth:  37 % of 527.8 MiB" on stderr, over itself, as the percentage changes.
ByteProgress stderr_progress(std::string label);

}  // namespace lamina::models::detail
