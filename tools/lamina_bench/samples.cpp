#include "tools/lamina_bench/samples.h"

#include "tools/support/interrupt.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <sys/resource.h>

namespace lamina::tools {

double Samples::min() const { return *std::min_element(ms_.begin(), ms_.end()); }

double Samples::percentile(double p) const {
  std::vector<double> sorted = ms_;
  std::sort(sorted.begin(), sorted.end());
  const double rank = std::ceil(p / 100 * static_cast<double>(sorted.size()));
  return sorted[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

double Samples::spread_percent() const {
  return 50 * (percentile(75) - percentile(25)) / percentile(50);
}

double peak_rss_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

Samples measure(const Patience& patience, const std::function<void()>& once) {
  using Clock = std::chrono::steady_clock;
  once();
  Samples samples;
  const auto begin = Clock::now();
  for (auto before = begin;;) {
    throw_if_interrupted();
    once();
    const auto now = Clock::now();
    samples.add(std::chrono::duration<double, std::milli>(now - before).count());
    before = now;
    const bool enough = std::chrono::duration<double>(now - begin).count() >= patience.min_s &&
                        static_cast<int>(samples.size()) >= patience.least;
    if (enough || static_cast<int>(samples.size()) >= patience.most) return samples;
  }
}

}  // namespace lamina::tools
