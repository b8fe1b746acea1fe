// Where results go: stdout, a file that appears when it is whole, or the end of a file.
#pragma once

#include "tools/support/failure.h"

#include <filesystem>
#include <memory>
#include <string_view>

namespace lamina::tools {

/// Nobody reads stdout any more. A program that has nothing else to do ends, quietly, with status
/// 0: whoever closed the pipe has what it wanted.
class ClosedPipe : public Failure {
 public:
  ClosedPipe() : Failure(ExitStatus::ok, "stdout was closed") {}
};

class Output {
 public:
  virtual ~Output() = default;

  /// Hands all of `text` to the operating system; keeps nothing back. Throws OutputError, or
  /// ClosedPipe.
  virtual void write(std::string_view text) = 0;
  /// The last call: what was written becomes visible. Without it a new file never appears.
  virtual void finish() {}

  static std::unique_ptr<Output> to_stdout();
  /// Atomic: the file is written under another name and renamed by finish().
  static std::unique_ptr<Output> to_file(const std::filesystem::path& path);
  /// Appends, after cutting off a last line that a crash left without its newline.
  static std::unique_ptr<Output> append_to(const std::filesystem::path& path);
};

/// All of `text` to stdout.
void print(std::string_view text);

}  // namespace lamina::tools
