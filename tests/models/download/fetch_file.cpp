// fetch_file URL TARGET SHA256_PREFIX [LARGEST_FILE]: download_file() as a process of its own, for
// tests that kill it or give it no room.
#include "models/download/download_file.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <sys/resource.h>

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  if (argc > 4) {
    std::signal(SIGXFSZ, SIG_IGN);  // so that write() fails, as on a full disk
    const rlim_t largest = std::strtoull(argv[4], nullptr, 10);
    const rlimit limit{largest, largest};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  try {
    lamina::models::detail::download_file(
        {.url = argv[1], .target = argv[2], .sha256_prefix = argv[3], .hint = "by hand"});
  } catch (const lamina::Error& error) {
    std::fprintf(stderr, "%s\n%s\n", error.what(), error.hint().c_str());
    return 1;
  }
  return 0;
}
