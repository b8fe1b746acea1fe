#include "tools/support/command.h"
#include "tools/support/failure.h"
#include "tools/support/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace lamina::tools {
namespace {

// A function's name in a shell: "vgg16-infer" becomes "_vgg16_infer".
std::string function_name(const Command& root) {
  std::string name = "_" + root.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::vector<const Option*> shown(const std::vector<Option>& options) {
  std::vector<const Option*> list;
  for (const Option& option : options) {
    if (!option.hidden) list.push_back(&option);
  }
  return list;
}

// Single quotes for a shell.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string bash_value_cases(const std::vector<Option>& options) {
  std::string out;
  for (const Option* option : shown(options)) {
    if (option->value.empty()) continue;
    const std::string pattern = fmt::format("{}", fmt::join(split(option->names, ','), "|"));
    std::string answer = "COMPREPLY=()";
    if (!option->choices.empty()) {
      answer = fmt::format("COMPREPLY=($(compgen -W {} -- \"$cur\"))",
                           quoted(fmt::format("{}", fmt::join(option->choices, " "))));
      if (option->completes == Completes::files)
        answer += "; COMPREPLY+=($(compgen -f -- \"$cur\"))";
    } else if (option->completes != Completes::nothing) {
      answer = fmt::format("COMPREPLY=($(compgen -{} -- \"$cur\"))",
                           option->completes == Completes::files ? 'f' : 'd');
    }
    out += fmt::format("    {}) {}; return ;;\n", pattern, answer);
  }
  return out;
}

std::string bash_words(const Command& command) {
  std::vector<std::string> words;
  for (const Option* option : shown(command.options)) {
    for (std::string& name : split(option->names, ',')) words.push_back(std::move(name));
  }
  return fmt::format("{}", fmt::join(words, " "));
}

// What a command's arguments may be, in any place: names, and files where one of them is a file.
std::string bash_argument_case(const Command& command) {
  std::vector<std::string> choices;
  bool files = command.positionals.empty();
  for (const Positional& each : command.positionals) {
    choices.insert(choices.end(), each.choices.begin(), each.choices.end());
    files = files || each.completes == Completes::files;
  }
  std::string answer = fmt::format("COMPREPLY=($(compgen {}-W {} -- \"$cur\"))", files ? "-f " : "",
                                   quoted(fmt::format("{}", fmt::join(choices, " "))));
  return fmt::format("    {}) {}; return ;;\n", command.name, answer);
}

std::string bash(const Command& root) {
  std::string cases = bash_value_cases(root.options);
  std::string commands, by_command, arguments;
  for (const Command& command : root.commands) {
    cases += bash_value_cases(command.options);
    commands += (commands.empty() ? "" : " ") + command.name;
    by_command += fmt::format("    {}) words={} ;;\n", command.name,
                              quoted(bash_words(command) + " " + bash_words(root)));
    arguments += bash_argument_case(command);
  }
  std::string out =
      fmt::format("# bash completion of {}\n{}() {{\n", root.name, function_name(root));
  out += "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\"\n";
  out += fmt::format("  local words={}\n  case \"$prev\" in\n{}  esac\n", quoted(bash_words(root)),
                     cases);
  if (!commands.empty()) {
    out += fmt::format(
        "  if [[ $COMP_CWORD -eq 1 && $cur != -* ]]; then\n"
        "    COMPREPLY=($(compgen -W {} -- \"$cur\")); return\n  fi\n",
        quoted(commands));
    out += fmt::format("  case \"${{COMP_WORDS[1]}}\" in\n{}  esac\n", by_command);
  }
  out +=
      "  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")); return; fi\n";
  if (!arguments.empty()) {
    out += fmt::format("  case \"${{COMP_WORDS[1]}}\" in\n{}  esac\n", arguments);
  }
  out += "  COMPREPLY=($(compgen -f -- \"$cur\"))\n}\n";
  return out + fmt::format("complete -o filenames -F {} {}\n", function_name(root), root.name);
}

std::string zsh_action(const Option& option) {
  if (option.value.empty()) return "";
  std::string action = " ";
  if (!option.choices.empty()) {
    action = fmt::format("({})", fmt::join(option.choices, " "));
  } else if (option.completes != Completes::nothing) {
    action = option.completes == Completes::files ? "_files" : "_files -/";
  }
  return fmt::format(":{}:{}", option.value, action);
}

// Brackets and colons have a meaning in _arguments' specifications.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_options(const std::vector<Option>& options) {
  std::string out;
  for (const Option* option : shown(options)) {
    for (const std::string& name : split(option->names, ',')) {
      const std::string spec =
          fmt::format("{}[{}]{}", name, zsh_text(option->help), zsh_action(*option));
      out += fmt::format("    {} \\\n", quoted(spec));
    }
  }
  return out;
}

std::string zsh_arguments(const Command& command) {
  std::string out;
  for (const Positional& each : command.positionals) {
    const std::string action = each.completes == Completes::files
                                   ? "_files"
                                   : fmt::format("({})", fmt::join(each.choices, " "));
    out += " " + quoted(fmt::format("{}{}:{}", each.optional ? "::" : ":", each.name, action));
  }
  return out.empty() ? " '*:file:_files'" : out;
}

std::string zsh(const Command& root) {
  std::string out = fmt::format("#compdef {}\n{}() {{\n", root.name, function_name(root));
  if (root.commands.empty()) {
    out +=
        fmt::format("  _arguments -s \\\n{}    '*:file:_files'\n}}\n", zsh_options(root.options));
  } else {
    out += "  if (( CURRENT == 2 )); then\n    local -a commands=(\n";
    for (const Command& command : root.commands) {
      out += fmt::format("      {}\n", quoted(command.name + ":" + zsh_text(command.summary)));
    }
    out += "    )\n    _describe command commands\n    return\n  fi\n";
    out += "  local command=$words[2]\n  shift words; (( CURRENT-- ))\n  case $command in\n";
    for (const Command& command : root.commands) {
      out += fmt::format("  {}) _arguments -s \\\n{}{}   {} ;;\n", command.name,
                         zsh_options(command.options), zsh_options(root.options),
                         zsh_arguments(command));
    }
    out += "  esac\n}\n";
  }
  return out + fmt::format("{} \"$@\"\n", function_name(root));
}

std::string fish_options(const std::string& program, const std::vector<Option>& options,
                         const std::string& condition) {
  std::string out;
  for (const Option* option : shown(options)) {
    out += fmt::format("complete -c {}{}", program, condition);
    for (const std::string& name : split(option->names, ',')) {
      out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    if (!option->value.empty()) {
      out += option->completes == Completes::nothing ? " -x" : " -r";
      if (!option->choices.empty()) {
        out += " -a " + quoted(fmt::format("{}", fmt::join(option->choices, " ")));
      }
    }
    out += " -d " + quoted(option->help) + '\n';
  }
  return out;
}

std::string fish(const Command& root) {
  std::string out = "# fish completion of " + root.name + '\n';
  out += fish_options(root.name, root.options, "");
  for (const Command& command : root.commands) {
    out += fmt::format("complete -c {} -n __fish_use_subcommand -f -a {} -d {}\n", root.name,
                       command.name, quoted(command.summary));
    for (const Positional& each : command.positionals) {
      if (each.choices.empty()) continue;
      out += fmt::format("complete -c {} -n '__fish_seen_subcommand_from {}' {}-a {}\n", root.name,
                         command.name, each.completes == Completes::files ? "" : "-f ",
                         quoted(fmt::format("{}", fmt::join(each.choices, " "))));
    }
    out += fish_options(root.name, command.options,
                        fmt::format(" -n '__fish_seen_subcommand_from {}'", command.name));
  }
  return out;
}

}  // namespace

std::string completion_script(const Command& root, const std::string& shell) {
  if (shell == "bash") return bash(root);
  if (shell == "zsh") return zsh(root);
  if (shell == "fish") return fish(root);
  throw UsageError(fmt::format("no completion for this shell: {}", shell), "bash, zsh or fish");
}

}  // namespace lamina::tools
