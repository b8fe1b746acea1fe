// Progress bars on stderr, for work of over about a second.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace lamina::tools {

enum class ProgressMode {
  automatic,  ///< a bar where stderr is a terminal, else nothing
  plain,      ///< a line a second, for logs
  none,
};

/// "auto", "plain", "none".
ProgressMode parse_progress_mode(const std::string& text);

/// One bar. Shows nothing in its first second, so that quick work stays silent. Not for several
/// threads at once.
class Progress {
 public:
  enum class Unit { bytes, images };

  Progress(std::string label, Unit unit, ProgressMode mode);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Redraws at most ten times a second. total 0: not known.
  void update(std::int64_t done, std::int64_t total);

  /// For LoadOptions::progress and its kin: updates, and throws Interrupted where the user asked to
  /// stop. The bar must outlive the callback.
  std::function<void(std::int64_t, std::int64_t)> callback();

  /// The same for work of which an earlier run did a part: that is left out of the rate.
  std::function<void(std::int64_t, std::int64_t)> resuming_callback();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(std::int64_t done, std::int64_t total, double seconds);

  std::string label_;
  Unit unit_;
  bool terminal_ = false, plain_ = false, drawn_ = false, finished_ = false;
  std::int64_t done_before_ = 0;
  Clock::time_point start_ = Clock::now(), last_draw_ = start_;
};

/// Wipes a bar that is on the terminal, before a line is written there; it is drawn again later.
void clear_progress_line();

}  // namespace lamina::tools
