#include "tools/support/command.h"

#include <lamina/core/version.h>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace lamina::tools {
namespace {

// troff takes a leading '.' or '\'' as a request, '\' as an escape, and '-' as a hyphen.
std::string troff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if ((c == '.' || c == '\'') && out.empty()) {
      out += "\\&";
      out += c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string options(const std::vector<Option>& list) {
  std::string out;
  for (const Option& option : list) {
    if (option.hidden) continue;
    out += fmt::format(".TP\n\\fB{}\\fR", troff(option.all_names()));
    if (!option.value.empty()) out += fmt::format(" \\fI{}\\fR", troff(option.value));
    out += fmt::format("\n{}\n", troff(option.help));
  }
  return out;
}

std::string arguments(const std::vector<Positional>& list) {
  std::string out;
  for (const Positional& each : list) {
    out += fmt::format(".TP\n.I {}\n{}\n", troff(each.name), troff(each.help));
  }
  return out;
}

}  // namespace

std::string man_page(const Command& root) {
  std::string out = fmt::format(".TH {} 1 \"\" \"Lamina {}\" \"User Commands\"\n",
                                troff(upper(root.name)), version());
  out += fmt::format(".SH NAME\n{} \\- {}\n", troff(root.name), troff(root.summary));
  out += ".SH SYNOPSIS\n";
  out += fmt::format(".B {}\n{}\n", troff(root.name), troff(root.usage));
  if (!root.commands.empty()) out += ".SH COMMANDS\n";
  for (const Command& command : root.commands) {
    out += fmt::format(".SS \"{} {} {}\"\n{}\n", troff(root.name), troff(command.name),
                       troff(command.usage), troff(command.summary));
    out += arguments(command.positionals) + options(command.options);
  }
  if (!root.positionals.empty()) out += ".SH ARGUMENTS\n" + arguments(root.positionals);
  out += ".SH OPTIONS\n" + options(root.options);
  out += ".SH EXIT STATUS\n";
  for (const auto& [status, meaning] : exit_status_table()) {
    out += fmt::format(".TP\n.B {}\n{}\n", status, troff(meaning));
  }
  out += ".SH ENVIRONMENT\n";
  out += ".TP\n.B LAMINA_NUM_THREADS\nthreads to compute with, where no option says\n";
  out += ".TP\n.B LAMINA_ISA\nscalar, avx2, avx512 or amx: caps the instruction set\n";
  out += ".TP\n.B LAMINA_CACHE\nfolder of downloaded weights\n";
  out += ".TP\n.B LAMINA_MIRROR\nURL of a server to download weights from\n";
  out += ".TP\n.B LAMINA_OFFLINE\n1 forbids downloads\n";
  out += ".TP\n.B NO_COLOR\nno colour on the terminal\n";
  if (!root.examples.empty()) out += ".SH EXAMPLES\n";
  for (const Example& example : root.examples) {
    out += fmt::format(".TP\n.B {}\n{}\n", troff(example.line), troff(example.says));
  }
  if (!root.notes.empty()) out += fmt::format(".SH NOTES\n{}\n", troff(root.notes));
  return out;
}

}  // namespace lamina::tools
