#include <lamina/core/version.h>

#define LAMINA_STRING(x) LAMINA_STRING_(x)
#define LAMINA_STRING_(x) #x

namespace lamina {

const char* version() {
  return LAMINA_STRING(LAMINA_VERSION_MAJOR) "." LAMINA_STRING(
      LAMINA_VERSION_MINOR) "." LAMINA_STRING(LAMINA_VERSION_PATCH);
}

}  // namespace lamina
