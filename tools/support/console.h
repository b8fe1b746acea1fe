// What a program says on stderr: notes, warnings and errors. Results never go here.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace lamina::tools {

/// Every line begins with the program's name, so that it can be told apart in a pipeline's log. May
/// be used from several threads: a line is written whole.
class Console {
 public:
  explicit Console(std::string program) : program_(std::move(program)) {}

  bool quiet = false;    ///< hides notes and warnings
  bool verbose = false;  ///< shows details

  template <typename... T>
  void note(fmt::format_string<T...> format, T&&... args) const {
    if (!quiet) line(fmt::format(format, std::forward<T>(args)...));
  }
  template <typename... T>
  void detail(fmt::format_string<T...> format, T&&... args) const {
    if (verbose && !quiet) line(fmt::format(format, std::forward<T>(args)...));
  }
  template <typename... T>
  void warning(fmt::format_string<T...> format, T&&... args) const {
    if (!quiet) line("warning: " + fmt::format(format, std::forward<T>(args)...));
  }
  /// "vgg16-infer: error: what", and "  hint: next step" where there is one.
  void error(std::string_view what, std::string_view hint = {}) const;

  /// Text of several lines as it is: a table that was asked for, where stdout is not free for it.
  void block(std::string_view text) const;

  const std::string& program() const noexcept { return program_; }

 private:
  void line(std::string_view text) const;

  std::string program_;
};

/// True where stderr is a terminal that understands colour and NO_COLOR is not set.
bool stderr_has_colour();

}  // namespace lamina::tools
