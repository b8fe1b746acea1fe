// The pickles of tests/data/pickles/hostile.json, each in the kinds of file that it is to be tried
// in.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lamina::test {

struct HostileFile {
  std::string name;   ///< what it tries, and in which kind of file
  std::string bytes;  ///< the whole file
  std::string
      outcome;  ///< "named", "error", "harmless" or "data"; see tests/data/pickles/README.md
  std::vector<std::string> texts;  ///< what the message of a "named" error must hold
};

std::vector<HostileFile> hostile_files();

}  // namespace lamina::test
