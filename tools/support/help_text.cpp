#include "tools/support/command.h"
#include "tools/support/exit_status.h"
#include "tools/support/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace lamina::tools {
namespace {

constexpr std::size_t kHelpColumn = 30;
constexpr std::size_t kWidth = 98;

// Words in lines of at most kWidth columns, all but the first indented.
std::string wrapped(const std::string& text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  for (const std::string& word : split(text, ' ')) {
    if (column > indent && column + 1 + word.size() > kWidth) {
      out += fmt::format("\n{:{}}", "", indent);
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string entry(const std::string& left, const std::string& help) {
  std::string line = fmt::format("  {}", left);
  if (line.size() + 2 > kHelpColumn) {
    line += fmt::format("\n{:{}}", "", kHelpColumn);
  } else {
    line.resize(kHelpColumn, ' ');
  }
  return fmt::format("{}{}\n", line, wrapped(help, kHelpColumn));
}

std::string option_left(const Option& option) {
  const char* indent = option.names.find(',') == std::string::npos ? "    " : "";
  return fmt::format("{}{} {}", indent, option.all_names(), option.value);
}

std::string option_groups(const std::vector<Option>& options) {
  std::vector<std::string> groups;
  for (const Option& option : options) {
    const bool known = std::find(groups.begin(), groups.end(), option.group) != groups.end();
    if (!option.hidden && !known) groups.push_back(option.group);
  }
  std::string out;
  for (const std::string& group : groups) {
    out += fmt::format("\n{}:\n", group);
    for (const Option& option : options) {
      if (!option.hidden && option.group == group) out += entry(option_left(option), option.help);
    }
  }
  return out;
}

std::string examples(const std::vector<Example>& list) {
  if (list.empty()) return "";
  std::string out = "\nExamples:\n";
  std::size_t widest = 0;
  for (const Example& example : list) widest = std::max(widest, example.line.size());
  for (const Example& example : list) {
    out += fmt::format("  {:{}}  {}\n", example.line, widest, example.says);
  }
  return out;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> exit_status_table() {
  return {{"0", "fine"},
          {"1", "some inputs failed and the others were done, or an output was not written"},
          {"2", "the command line makes no sense"},
          {"3", "model or weights missing or unreadable"},
          {"4", "weights do not fit the model"},
          {"5", "device not available, or out of memory"},
          {"6", "a download or its checksum failed"},
          {"7", "verify or diff found differences"},
          {"130", "interrupted, with what was done flushed"}};
}

std::string help_text(const Command& root, const Command& chosen) {
  const bool sub = &root != &chosen;
  std::string out = fmt::format("usage: {}{} {}\n\n{}\n", root.name, sub ? " " + chosen.name : "",
                                chosen.usage, wrapped(chosen.summary, 0));
  if (!chosen.commands.empty()) {
    out += "\nCommands:\n";
    for (const Command& command : chosen.commands) out += entry(command.name, command.summary);
  }
  if (!chosen.positionals.empty()) {
    out += "\nArguments:\n";
    for (const Positional& each : chosen.positionals) out += entry(each.name, each.help);
  }
  out += option_groups(chosen.options);
  if (sub) out += option_groups(root.options);
  out += examples(chosen.examples);
  if (!chosen.notes.empty()) out += fmt::format("\n{}\n", wrapped(chosen.notes, 0));
  return out;
}

}  // namespace lamina::tools
