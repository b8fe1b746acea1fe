#include <lamina/core/threads.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <thread>

#include <sched.h>

namespace lamina {
namespace {

int affinity_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // Fails where the machine has more processors than the set has bits.
  if (sched_getaffinity(0, sizeof(set), &set) != 0) {
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  return std::max(1, CPU_COUNT(&set));
}

constexpr int kNoQuota = std::numeric_limits<int>::max();

int processors_for(double quota_us, double period_us) {
  const double processors = std::ceil(quota_us / period_us);
  return processors >= 1 && processors < kNoQuota ? static_cast<int>(processors) : kNoQuota;
}

// cgroup v2's cpu.max is "quota period" or "max period", in microseconds.
int quota_from(const std::string& path) {
  std::ifstream file(path);
  double quota_us = 0, period_us = 0;
  return file >> quota_us >> period_us ? processors_for(quota_us, period_us) : kNoQuota;
}

// cgroup v1 has a file for each, as a container sees its own; no quota is -1.
int quota_from_v1() {
  std::ifstream quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double quota_us = 0, period_us = 0;
  return quota >> quota_us && period >> period_us ? processors_for(quota_us, period_us) : kNoQuota;
}

// The least quota of this process's cgroup and all above it.
int cgroup_quota() {
  int least = std::min(quota_from("/sys/fs/cgroup/cpu.max"), quota_from_v1());
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
