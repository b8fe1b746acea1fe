// A program's command line as data: one table from which arguments are read, and help, completion
// scripts and the man page are written, so that they cannot tell different stories.
//
//   Command infer{.name = "vgg16-infer", .summary = "Classify images with VGG16.", …};
//   infer.options.push_back({.names = "-k,--topk", .value = "N", .help = "classes to print",
//                            .set = integer(topk, 1, 1000)});
//   const Command& chosen = parse(infer, argc, argv);
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::tools {

/// What a shell should offer for a value.
enum class Completes { nothing, files, folders };

struct Option {
  using Set = std::function<void(const std::string&)>;

  std::string names;       ///< "-k,--topk"
  std::string value = {};  ///< "N"; empty for a flag
  std::string help = {};
  std::string group = "Options";          ///< heading in the help
  std::vector<std::string> choices = {};  ///< legal values, or some that completion offers
  Completes completes = Completes::nothing;
  bool hidden = false;  ///< in no help
  Set set;              ///< takes the value, or "" for a flag; see option_values.h

  std::string long_name() const;  ///< "--topk"
  std::string all_names() const;  ///< "-k, --topk"
};

struct Positional {
  std::string name;  ///< "INPUT"
  std::string help;
  bool many = false;      ///< takes all that is left
  bool optional = false;  ///< may be left out
  Completes completes = Completes::files;
  std::vector<std::string> choices = {};
  Option::Set set;
};

struct Example {
  std::string line;
  std::string says;
};

struct Command {
  std::string name;     ///< "vgg16-infer", or "inspect" in a program of several
  std::string summary;  ///< one sentence
  std::string usage;    ///< what follows the name: "[OPTIONS] INPUT..."
  std::vector<Option> options = {};
  std::vector<Positional> positionals = {};
  std::vector<Example> examples = {};
  std::string notes = {};              ///< a paragraph for the man page and the help's end
  std::vector<Command> commands = {};  ///< "lamina-convert inspect"; then options hold for all
};

/// Reads the arguments, calling each option's `set`. Returns the sub-command that was named, or
/// `root` where none was. Throws UsageError for unknown options and commands (the hint is the
/// nearest name), absent values, and too many positionals; how few are enough the caller knows.
const Command& parse(const Command& root, int argc, const char* const* argv);

/// The text of --help for the root, or for one of its commands.
std::string help_text(const Command& root, const Command& chosen);

/// "bash", "zsh" or "fish": what a shell's completion file holds. Throws UsageError.
std::string completion_script(const Command& root, const std::string& shell);

/// troff for man(1).
std::string man_page(const Command& root);

/// The exit statuses, for help and man page: "0  fine", …
std::vector<std::pair<std::string, std::string>> exit_status_table();

}  // namespace lamina::tools
