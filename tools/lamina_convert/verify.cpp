#include "tools/lamina_convert/commands.h"
#include "tools/lamina_convert/weight_file.h"
#include "tools/support/failure.h"
#include "tools/support/output.h"
#include "tools/support/text.h"

#include <lamina/serialization/container.h>

#include <fmt/format.h>

namespace lamina::tools {
namespace {

using serialization::FileKind;

// Every byte that has a checksum is read.
void check_bytes(const std::string& path, FileKind kind, Progress& progress) {
  if (kind == FileKind::lamina) {
    serialization::verify_container(path, progress.callback());
  } else {
    load(path, {.verify = true, .progress = progress.callback()});
  }
}

}  // namespace

ExitStatus verify(const ConvertOptions& options, const Context& context) {
  const std::string& path = options.first;
  const FileKind kind = serialization::detect_kind(path);
  Progress progress("verify", Progress::Unit::bytes, context.progress);
  try {
    check_bytes(path, kind, progress);
  } catch (const FormatError& error) {
    // Of an unknown kind it cannot be said that it is damaged.
    if (kind == FileKind::unknown) throw;
    throw Failure(ExitStatus::differs, error.what(), error.hint());
  }
  const StateDict tensors = load(path);
  if (!options.arch.empty()) (void)model_with(options.arch, tensors, path);
  print(fmt::format("{}: ok, {}, {} tensors, {} elements{}\n", printable(path), to_string(kind),
                    tensors.size(), with_commas(element_count(tensors)),
                    options.arch.empty() ? "" : ", fits " + options.arch));
  return ExitStatus::ok;
}

}  // namespace lamina::tools
