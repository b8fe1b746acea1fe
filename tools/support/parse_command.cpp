#include "core/nearest.h"
#include "tools/support/command.h"
#include "tools/support/failure.h"
#include "tools/support/option_values.h"
#include "tools/support/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>

namespace lamina::tools {
namespace {

std::string described(const Option& option) {
  return option.value.empty() ? option.long_name() : option.long_name() + " " + option.value;
}

void assign(const Option::Set& set, const std::string& value, const std::string& where) {
  try {
    set(value);
  } catch (const BadValue& bad) {
    throw UsageError(fmt::format("'{}' {}: {}", value, bad.what(), where), bad.hint());
  }
}

// What one command's part of the command line said. Values are applied after the parse, in the
// order of the table.
struct Bound {
  std::map<const Option*, CLI::Option*> options;
  std::vector<std::string> positionals;
};

void add_options(CLI::App& app, const std::vector<Option>& options, Bound& bound) {
  for (const Option& option : options) {
    CLI::Option* added = option.value.empty()
                             ? app.add_flag(option.names)
                             : app.add_option(option.names)->expected(1)->allow_extra_args(false);
    bound.options[&option] = added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
}

std::vector<std::string> long_names(const Command& root, const Command& command) {
  std::vector<std::string> names;
  for (const auto* options : {&command.options, &root.options}) {
    for (const Option& option : *options) {
      if (!option.hidden) names.push_back(option.long_name());
    }
    if (&command == &root) break;
  }
  return names;
}

[[noreturn]] void throw_unknown_option(const std::string& argument, const Command& root,
                                       const Command& command) {
  const std::string name = argument.substr(0, argument.find('='));
  const auto nearest = nearest_name(name, long_names(root, command));
  throw UsageError("unknown option: " + name,
                   nearest ? fmt::format("did you mean '{}'?", *nearest)
                           : fmt::format("'{} --help' lists the options", root.name));
}

[[noreturn]] void throw_unknown_command(const std::string& argument, const Command& root) {
  std::vector<std::string> names;
  for (const Command& command : root.commands) names.push_back(command.name);
  const auto nearest = nearest_name(argument, names);
  throw UsageError("unknown command: " + argument,
                   nearest ? fmt::format("did you mean '{}'?", *nearest)
                           : fmt::format("'{} --help' lists the commands", root.name));
}

void apply_options(const Bound& bound, const std::vector<Option>& options) {
  for (const Option& option : options) {
    const CLI::Option* parsed = bound.options.at(&option);
    if (parsed->count() == 0) continue;
    if (option.value.empty()) {
      option.set("");
      continue;
    }
    for (const std::string& value : parsed->results()) assign(option.set, value, described(option));
  }
}

void apply_positionals(const Bound& bound, const Command& command) {
  std::size_t next = 0;
  for (const std::string& value : bound.positionals) {
    if (next >= command.positionals.size()) {
      throw UsageError("unexpected argument: " + value);
    }
    const Positional& positional = command.positionals[next];
    assign(positional.set, value, positional.name);
    if (!positional.many) ++next;
  }
}

// An option that came without its value, from CLI11's "--topk: 1 required TEXT missing".
[[noreturn]] void throw_parse_error(const CLI::ParseError& error, const Bound& bound) {
  const std::string text = error.what();
  for (const auto& [option, parsed] : bound.options) {
    if (!text.starts_with(parsed->get_name() + ":")) continue;
    if (option->value.empty()) throw UsageError("takes no value: " + option->long_name());
    throw UsageError("value missing: " + described(*option));
  }
  throw UsageError(text);
}

Bound bind(CLI::App& app, const Command& root, const Command& command) {
  Bound bound;
  app.set_help_flag();
  app.allow_extras();
  add_options(app, root.options, bound);
  if (&command != &root) add_options(app, command.options, bound);
  return bound;
}

// What the parser did not take is a positional, unless it looks like an option.
void take_rest(Bound& bound, const CLI::App& app, const Command& root, const Command& command) {
  for (const std::string& argument : app.remaining()) {
    const bool option = argument.size() > 1 && argument.front() == '-';
    if (option) throw_unknown_option(argument, root, command);
    bound.positionals.push_back(argument);
  }
}

bool takes_value(const Command& root, const std::string& argument) {
  return std::any_of(root.options.begin(), root.options.end(), [&](const Option& option) {
    const std::vector<std::string> names = split(option.names, ',');
    return !option.value.empty() && std::find(names.begin(), names.end(), argument) != names.end();
  });
}

// The first argument that is no option names the command; it is taken out.
const Command* find_command(const Command& root, std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].starts_with('-')) continue;
    if (i > 0 && takes_value(root, arguments[i - 1])) continue;
    for (const Command& command : root.commands) {
      if (command.name != arguments[i]) continue;
      arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(i));
      return &command;
    }
    throw_unknown_command(arguments[i], root);
  }
  return &root;
}

}  // namespace

std::string Option::long_name() const {
  const std::size_t at = names.find("--");
  return at == std::string::npos ? names : names.substr(at);
}

std::string Option::all_names() const {
  return fmt::format("{}", fmt::join(split(names, ','), ", "));
}

const Command& parse(const Command& root, int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const Command& command = root.commands.empty() ? root : *find_command(root, arguments);
  // CLI11 splits what stands before "--"; what stands after it is no option, whatever it looks
  // like.
  const auto separator = std::find(arguments.begin(), arguments.end(), "--");
  std::vector<std::string> verbatim(separator == arguments.end() ? separator : separator + 1,
                                    arguments.end());
  arguments.erase(separator, arguments.end());

  CLI::App app;
  Bound bound = bind(app, root, command);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    throw_parse_error(error, bound);
  }
  take_rest(bound, app, root, command);
  bound.positionals.insert(bound.positionals.end(), verbatim.begin(), verbatim.end());
  apply_options(bound, root.options);
  if (&command != &root) apply_options(bound, command.options);
  apply_positionals(bound, command);
  return command;
}

}  // namespace lamina::tools
