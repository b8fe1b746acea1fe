#include <lamina/core/threads.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>

#include <sched.h>

namespace lamina {
namespace {

int affinity_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

// cgroup v2's cpu.max is "quota period" or "max period", in microseconds.
int quota_from(const std::string& path) {
  std::ifstream file(path);
  std::string quota;
  double period_us = 0;
  if (!(file >> quota >> period_us) || quota == "max" || !(period_us > 0)) {
    return std::numeric_limits<int>::max();
  }
  const double processors = std::ceil(std::strtod(quota.c_str(), nullptr) / period_us);
  return processors >= 1 && processors < 1e6 ? static_cast<int>(processors)
                                             : std::numeric_limits<int>::max();
}

// The least quota of this process's cgroup and all above it.
int cgroup_quota() {
  int least = quota_from("/sys/fs/cgroup/cpu.max");
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("0::/")) continue;
    for (std::string path = line.substr(3); path.size() > 1; path.resize(path.rfind('/'))) {
      least = std::min(least, quota_from("/sys/fs/cgroup" + path + "/cpu.max"));
    }
  }
  return least;
}

}  // namespace

int available_threads() {
  if (const char* text = std::getenv("LAMINA_NUM_THREADS")) {
    const std::string_view view(text);
    int value = 0;
    const auto result = std::from_chars(view.begin(), view.end(), value);
    if (result.ec == std::errc() && result.ptr == view.end() && value > 0) return value;
  }
  return std::min(affinity_count(), cgroup_quota());
}

}  // namespace lamina
