// Running one of the programs as a user would, and a workplace for it: a small model and pictures.
#pragma once

#include "tests/support/temporary_folder.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::test {

struct Outcome {
  int status = 0;  ///< exit status, or 128 + the signal that ended it
  std::string out, err;
};

struct RunOptions {
  std::string input = {};                     ///< what stdin gives
  std::vector<std::string> environment = {};  ///< "NAME=value"
  std::string directory = {};                 ///< to run in; empty: the test's own
  std::string before = {};                    ///< shell text before the program: "exec <&-;"
  std::string after = {};                     ///< shell text after its arguments: "| head -1"
};

/// Runs build/bin/<program> with these arguments through sh. Throws where that cannot be started.
Outcome run(const std::string& program, const std::vector<std::string>& arguments,
            const RunOptions& options = {});

/// A folder with model.lamina ("tiny": 16x16 pixels, classes "c0" to "c4"), and pictures a.bmp,
/// b.bmp, c.bmp of different contents and sizes.
class Workplace {
 public:
  Workplace();

  std::string operator/(std::string_view name) const { return (folder_ / name).string(); }
  std::string model() const { return *this / "model.lamina"; }
  /// Writes a picture whose pixels follow from `seed`; returns its path.
  std::string picture(std::string_view name, int width, int height, unsigned seed) const;
  /// Runs vgg16-infer on the model, inside the folder.
  Outcome infer(std::vector<std::string> arguments, RunOptions options = {}) const;
  Outcome convert(const std::vector<std::string>& arguments, RunOptions options = {}) const;
  /// Names in the folder, sorted.
  std::vector<std::string> names() const;

 private:
  TemporaryFolder folder_;
};

std::vector<std::string> lines(const std::string& text);

}  // namespace lamina::test
