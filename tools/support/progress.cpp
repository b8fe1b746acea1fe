#include "tools/support/progress.h"

#include "tools/support/interrupt.h"
#include "tools/support/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace lamina::tools {
namespace {

constexpr double kSilentSeconds = 1.0;
constexpr double kTerminalIntervalSeconds = 0.1;
constexpr double kPlainIntervalSeconds = 1.0;

std::atomic<bool> line_is_drawn{false};

void write_stderr(std::string_view text) {
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

int terminal_columns() {
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

std::string amount(Progress::Unit unit, double value) {
  return unit == Progress::Unit::bytes ? human_bytes(value) : fmt::format("{:.0f}", value);
}

std::string rate(Progress::Unit unit, double per_second) {
  return unit == Progress::Unit::bytes ? human_bytes(per_second) + "/s"
                                       : fmt::format("{:.1f} images/s", per_second);
}

std::string bar(double fraction, int width) {
  const auto filled = static_cast<std::size_t>(fraction * width);
  std::string text(static_cast<std::size_t>(width), ' ');
  std::fill_n(text.begin(), filled, '=');
  if (filled < text.size()) text[filled] = '>';
  return fmt::format("[{}]", text);
}

}  // namespace

ProgressMode parse_progress_mode(const std::string& text) {
  if (text == "plain") return ProgressMode::plain;
  return text == "none" ? ProgressMode::none : ProgressMode::automatic;
}

void clear_progress_line() {
  if (line_is_drawn.exchange(false)) write_stderr("\r\033[K");
}

Progress::Progress(std::string label, Unit unit, ProgressMode mode)
    : label_(std::move(label)),
      unit_(unit),
      terminal_(mode == ProgressMode::automatic && ::isatty(STDERR_FILENO) != 0),
      plain_(mode == ProgressMode::plain) {}

Progress::~Progress() {
  if (drawn_ && terminal_) clear_progress_line();
}

void Progress::update(std::int64_t done, std::int64_t total) {
  if (!terminal_ && !plain_) return;
  if (finished_ && done == total) return;
  const Clock::time_point now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double since_last = std::chrono::duration<double>(now - last_draw_).count();
  const double interval = terminal_ ? kTerminalIntervalSeconds : kPlainIntervalSeconds;
  const bool last = drawn_ && plain_ && done == total;
  if (!last && (seconds < kSilentSeconds || (drawn_ && since_last < interval))) return;
  last_draw_ = now;
  drawn_ = true;
  finished_ = done == total && total > 0;
  draw(done, total, seconds);
}

void Progress::draw(std::int64_t done, std::int64_t total, double seconds) {
  const auto done_now = static_cast<double>(done), all = static_cast<double>(total);
  const double per_second = std::max(0.0, done_now - static_cast<double>(done_before_)) / seconds;
  std::string text = amount(unit_, done_now);
  if (total > 0) text += fmt::format("/{}", amount(unit_, all));
  text += fmt::format("  {}", rate(unit_, per_second));
  if (total > 0 && per_second > 0) {
    text += fmt::format("  {} left", human_seconds((all - done_now) / per_second));
  }
  const double fraction = total > 0 ? std::clamp(done_now / all, 0.0, 1.0) : 0.0;
  const std::string percent = total > 0 ? fmt::format(" {:3.0f}%", fraction * 100) : "";
  if (plain_) {
    write_stderr(fmt::format("{}:{}  {}\n", label_, percent, text));
    return;
  }
  const std::string head = label_ + percent;
  const int room = terminal_columns() - static_cast<int>(head.size() + text.size()) - 7;
  std::string line = head + "  ";
  if (total > 0 && room >= 8) line += bar(fraction, std::min(room, 40)) + "  ";
  line += text;
  line.resize(std::min(line.size(), static_cast<std::size_t>(std::max(1, terminal_columns() - 1))));
  write_stderr(fmt::format("\r{}\033[K", line));
  line_is_drawn = true;
}

std::function<void(std::int64_t, std::int64_t)> Progress::callback() {
  return [this](std::int64_t done, std::int64_t total) {
    throw_if_interrupted();
    update(done, total);
  };
}

std::function<void(std::int64_t, std::int64_t)> Progress::resuming_callback() {
  return [this, begun = false](std::int64_t done, std::int64_t total) mutable {
    throw_if_interrupted();
    const bool begins_anew = done < done_before_;
    if ((!begun && total > 0) || begins_anew) {
      begun = true;
      done_before_ = done;
      start_ = Clock::now();
    }
    update(done, total);
  };
}

}  // namespace lamina::tools
