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

bool has_checksums(FileKind kind) {
  return kind == FileKind::lamina || kind == FileKind::npz || kind == FileKind::pth_zip ||
         kind == FileKind::torchscript;
}

// Every byte that has a checksum is read.
StateDict checked(const ConvertOptions& options, FileKind kind, Progress& progress) {
  if (kind == FileKind::lamina) serialization::verify_container(options.first, progress.callback());
  LoadOptions how = load_options(options, {options.first}, progress.callback());
  how.verify = kind != FileKind::lamina;
  return load(options.first, how);
}

}  // namespace

ExitStatus verify(const ConvertOptions& options, const Context& context) {
  const std::string& path = options.first;
  const FileKind kind = serialization::detect_kind(path);
  Progress progress("verify", Progress::Unit::bytes, context.progress);
  StateDict tensors;
  try {
    tensors = checked(options, kind, progress);
  } catch (const FormatError& error) {
    // Of an unknown kind it cannot be said that it is damaged.
    if (kind == FileKind::unknown) throw;
    throw Failure(ExitStatus::differs, error.what(), error.hint());
  }
  if (!has_checksums(kind)) {
    context.console.note("only the structure was checked: {} has no checksums", to_string(kind));
  }
  if (!options.arch.empty()) (void)model_with(options.arch, tensors, path);
  print(fmt::format("{}: ok, {}, {} tensors, {} elements{}\n", printable(path), to_string(kind),
                    tensors.size(), with_commas(element_count(tensors)),
                    options.arch.empty() ? "" : ", fits " + options.arch));
  return ExitStatus::ok;
}

}  // namespace lamina::tools
