#include "tools/support/run_main.h"

#include "tools/support/about.h"
#include "tools/support/failure.h"
#include "tools/support/interrupt.h"
#include "tools/support/option_values.h"
#include "tools/support/output.h"

#include <lamina/core/log.h>
#include <lamina/models/download.h>

#include <csignal>
#include <new>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace lamina::tools {
namespace {

struct Standard {
  bool help = false, version = false, list_devices = false, quiet = false, verbose = false;
  bool man = false;
  std::string completion, progress = "auto";
};

void add_standard_options(Command& root, Standard& standard) {
  const std::vector<Option> options = {
      {.names = "-q,--quiet",
       .help = "hide notes; results and errors stay",
       .group = "General",
       .set = flag(standard.quiet)},
      {.names = "-v,--verbose",
       .help = "say more",
       .group = "General",
       .set = flag(standard.verbose)},
      {.names = "--progress",
       .value = "MODE",
       .help = "auto (a bar on a terminal), plain (a line a second), none",
       .group = "General",
       .choices = {"auto", "plain", "none"},
       .set = choice(standard.progress, {"auto", "plain", "none"})},
      {.names = "--list-devices",
       .help = "print the devices and exit",
       .group = "General",
       .set = flag(standard.list_devices)},
      {.names = "--completion",
       .value = "SHELL",
       .help = "print a completion script for bash, zsh or fish and exit",
       .group = "General",
       .choices = {"bash", "zsh", "fish"},
       .set = choice(standard.completion, {"bash", "zsh", "fish"})},
      {.names = "--version",
       .help = "print the version and exit; with -v all about the build",
       .group = "General",
       .set = flag(standard.version)},
      {.names = "-h,--help",
       .help = "print this and exit",
       .group = "General",
       .set = flag(standard.help)},
      {.names = "--man",
       .help = "print the man page and exit",
       .group = "General",
       .hidden = true,
       .set = flag(standard.man)},
  };
  root.options.insert(root.options.end(), options.begin(), options.end());
}

// A descriptor that was closed by whoever started the program would be given to the first file that
// is opened, and results would land in it. The wrong way round, so that its use is an error still.
void hold_standard_descriptors() {
  constexpr std::pair<int, int> kHolders[] = {
      {STDIN_FILENO, O_WRONLY}, {STDOUT_FILENO, O_RDONLY}, {STDERR_FILENO, O_WRONLY}};
  for (const auto& [descriptor, mode] : kHolders) {
    if (::fcntl(descriptor, F_GETFD) < 0) (void)::open("/dev/null", mode);
  }
}

void log_to(const Console& console) {
  // What is read again, for a hint say, has nothing new to tell.
  set_log_callback(
      [&console, last = std::string()](LogLevel level, std::string_view message) mutable {
        if (message == last) return;
        last = message;
        if (level == LogLevel::warning) {
          console.warning("{}", message);
        } else if (level == LogLevel::info) {
          console.note("{}", message);
        } else {
          console.detail("{}", message);
        }
      });
}

bool answer_standard_options(const Standard& standard, const Command& root, const Command& chosen) {
  if (standard.help) {
    print(help_text(root, chosen));
  } else if (standard.version) {
    print(version_text(root.name, standard.verbose));
  } else if (standard.list_devices) {
    print(device_list());
  } else if (!standard.completion.empty()) {
    print(completion_script(root, standard.completion));
  } else if (standard.man) {
    print(man_page(root));
  } else {
    return false;
  }
  return true;
}

ExitStatus run(const Command& root, Standard& standard, int argc, const char* const* argv,
               Context& context, const Body& body) {
  const Command& chosen = parse(root, argc, argv);
  if (answer_standard_options(standard, root, chosen)) return ExitStatus::ok;
  context.console.quiet = standard.quiet;
  context.console.verbose = standard.verbose;
  context.progress = parse_progress_mode(standard.progress);
  context.command = &chosen;
  return body(context);
}

}  // namespace

ExitStatus status_of(const std::exception& error) {
  if (const auto* failure = dynamic_cast<const Failure*>(&error)) return failure->status();
  if (dynamic_cast<const models::DownloadError*>(&error) != nullptr) return ExitStatus::download;
  if (dynamic_cast<const StateDictError*>(&error) != nullptr) return ExitStatus::misfit;
  if (dynamic_cast<const DeviceError*>(&error) != nullptr) return ExitStatus::no_device;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return ExitStatus::no_device;
  if (dynamic_cast<const InvalidArgument*>(&error) != nullptr) return ExitStatus::usage;
  if (dynamic_cast<const Error*>(&error) != nullptr) return ExitStatus::no_model;
  return ExitStatus::some_failed;
}

int run_main(Command root, int argc, const char* const* argv, const Body& body) {
  hold_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file beyond `ulimit -f` is an error of write(), not the end
  catch_interrupts();
  Standard standard;
  add_standard_options(root, standard);
  Context context{.console = Console(root.name)};
  log_to(context.console);
  ExitStatus status = ExitStatus::ok;
  try {
    status = run(root, standard, argc, argv, context, body);
  } catch (const ClosedPipe&) {
    status = ExitStatus::ok;
  } catch (const Error& error) {
    context.console.error(error.what(), error.hint());
    status = status_of(error);
  } catch (const std::bad_alloc& error) {
    context.console.error("out of memory", "a smaller --batch needs less");
    status = status_of(error);
  } catch (const std::exception& error) {
    context.console.error(error.what());
    status = status_of(error);
  }
  set_log_callback({});
  return static_cast<int>(status);
}

}  // namespace lamina::tools
