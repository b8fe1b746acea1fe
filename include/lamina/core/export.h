// What a shared build of the library shows: everything marked LAMINA_API, and nothing else.
#pragma once

#if defined(_WIN32)
#define LAMINA_API
#else
#define LAMINA_API __attribute__((visibility("default")))
#endif
