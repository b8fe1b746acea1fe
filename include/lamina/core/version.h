// The version of the library that is linked, as against the one that was compiled with.
#pragma once

#include <lamina/core/export.h>

#define LAMINA_VERSION_MAJOR 0
#define LAMINA_VERSION_MINOR 1
#define LAMINA_VERSION_PATCH 0

namespace lamina {

/// "0.1.0"
LAMINA_API const char* version();

}  // namespace lamina
