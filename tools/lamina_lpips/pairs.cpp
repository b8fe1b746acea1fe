#include "tools/lamina_lpips/pairs.h"

#include "tools/support/failure.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>

namespace lamina::tools {
namespace {

namespace fs = std::filesystem;

// By the path below the directory; what could not be listed, whose path is the directory's own or
// a subdirectory's, is there too, with its error.
std::map<fs::path, Input> pictures_of(const std::string& directory, bool recursive,
                                      const Console& console) {
  InferOptions options;
  options.inputs = {directory};
  options.recursive = recursive;
  std::map<fs::path, Input> pictures;
  for (Input& input : collect_inputs(options, console)) {
    pictures.emplace(fs::path(input.path).lexically_relative(directory), std::move(input));
  }
  return pictures;
}

void add_alone(std::vector<Input>& pairs, const Input& here, const std::string& missing,
               bool here_is_first) {
  const std::string error =
      here.error.empty()
          ? fmt::format("[lpips] no picture {} to compare with {}", missing, here.path)
          : here.error;
  Input first{here.path, error}, second{missing, error};
  if (!here_is_first) std::swap(first, second);
  pairs.push_back(std::move(first));
  pairs.push_back(std::move(second));
}

std::vector<Input> pairs_of_directories(const std::string& a, const std::string& b, bool recursive,
                                        const Console& console) {
  const auto in_a = pictures_of(a, recursive, console), in_b = pictures_of(b, recursive, console);
  std::vector<Input> pairs;
  auto next_a = in_a.begin(), next_b = in_b.begin();
  const auto missing_in = [](const std::string& directory, const fs::path& name) {
    return (fs::path(directory) / name).lexically_normal().string();
  };
  while (next_a != in_a.end() || next_b != in_b.end()) {
    const bool only_a =
        next_b == in_b.end() || (next_a != in_a.end() && next_a->first < next_b->first);
    const bool only_b =
        next_a == in_a.end() || (next_b != in_b.end() && next_b->first < next_a->first);
    if (only_a) {
      add_alone(pairs, next_a->second, missing_in(b, next_a->first), true);
    } else if (only_b) {
      add_alone(pairs, next_b->second, missing_in(a, next_b->first), false);
    } else {
      pairs.push_back(next_a->second);
      pairs.push_back(next_b->second);
    }
    if (!only_b) ++next_a;
    if (!only_a) ++next_b;
  }
  return pairs;
}

}  // namespace

std::vector<Input> collect_pairs(const LpipsToolOptions& options, const Console& console) {
  const std::string &a = options.inputs[0], &b = options.inputs[1];
  std::error_code error;
  const bool a_is_directory = fs::is_directory(a, error),
             b_is_directory = fs::is_directory(b, error);
  if (a_is_directory != b_is_directory) {
    throw UsageError(fmt::format("only one of the two is a directory: {}", a_is_directory ? a : b),
                     "lamina-lpips compares two pictures, or two directories");
  }
  if (a_is_directory) return pairs_of_directories(a, b, options.recursive, console);
  if (a == "-" && b == "-") throw UsageError("stdin can be read once only: -");
  return {{a, ""}, {b, ""}};
}

}  // namespace lamina::tools
