// Times of one thing done many times, and what is to be said of them.
#pragma once

#include <functional>
#include <vector>

namespace lamina::tools {

class Samples {
 public:
  void add(double ms) { ms_.push_back(ms); }
  void add(const Samples& other) { ms_.insert(ms_.end(), other.ms_.begin(), other.ms_.end()); }
  std::size_t size() const noexcept { return ms_.size(); }

  double min() const;
  /// The nearest rank: p in [0, 100]. Requires: not empty.
  double percentile(double p) const;
  /// Half the distance of the quartiles, in percent of the median.
  double spread_percent() const;

 private:
  std::vector<double> ms_;
};

/// The most memory that this process has had so far.
double peak_rss_mib();

struct Patience {
  double min_s = 1;  ///< measure at least so long
  int least = 5;     ///< and at least so many
  int most = 1'000'000;
};

/// Calls `once` until there is patience for no more, after one call that does not count.
Samples measure(const Patience& patience, const std::function<void()>& once);

}  // namespace lamina::tools
