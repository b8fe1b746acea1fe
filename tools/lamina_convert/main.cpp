// lamina-convert: looks into weight files and writes them as another kind. docs/lamina-convert.md
#include "tools/lamina_convert/commands.h"
#include "tools/support/failure.h"
#include "tools/support/run_main.h"

#include <map>

namespace lamina::tools {
namespace {

ExitStatus run(const ConvertOptions& options, const Context& context) {
  using Function = ExitStatus (*)(const ConvertOptions&, const Context&);
  static const std::map<std::string, Function> kFunctions{
      {"inspect", inspect}, {"convert", convert},
      {"verify", verify},   {"diff", diff},
      {"init", init},       {"download", download},
      {"cache", cache},     {"triton-repo", triton_repo}};
  const Command& command = *context.command;
  const auto function = kFunctions.find(command.name);
  if (function == kFunctions.end()) {
    throw UsageError("no command: nothing to do", "'lamina-convert --help' lists the commands");
  }
  const std::size_t given = options.first.empty() ? 0 : options.second.empty() ? 1 : 2;
  if (given < command.positionals.size() && !command.positionals[given].optional) {
    throw UsageError("argument missing: " + command.positionals[given].name,
                     "lamina-convert " + command.name + " " + command.usage);
  }
  return function->second(options, context);
}

}  // namespace
}  // namespace lamina::tools

int main(int argc, char** argv) {
  using namespace lamina::tools;
  ConvertOptions options;
  return run_main(convert_command(options), argc, argv,
                  [&](Context& context) { return run(options, context); });
}
