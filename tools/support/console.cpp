#include "tools/support/console.h"

#include "tools/support/progress.h"
#include "tools/support/text.h"

#include <cstdlib>
#include <mutex>
#include <string>

#include <unistd.h>

namespace lamina::tools {
namespace {

void write_stderr(const std::string& text) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  clear_progress_line();
  // Nobody can be told that stderr is gone.
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

bool stderr_has_colour() {
  static const bool answer = [] {
    const char* no_colour = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    return ::isatty(STDERR_FILENO) != 0 && (no_colour == nullptr || *no_colour == '\0') &&
           term != nullptr && std::string_view(term) != "dumb";
  }();
  return answer;
}

void Console::line(std::string_view text) const {
  write_stderr(fmt::format("{}: {}\n", program_, printable(text)));
}

void Console::block(std::string_view text) const { write_stderr(printable(text)); }

void Console::error(std::string_view what, std::string_view hint) const {
  const bool colour = stderr_has_colour();
  std::string text = fmt::format("{}: {}error:{} {}\n", program_, colour ? "\033[1;31m" : "",
                                 colour ? "\033[0m" : "", printable(what));
  if (!hint.empty()) text += fmt::format("  hint: {}\n", printable(hint));
  write_stderr(text);
}

}  // namespace lamina::tools
