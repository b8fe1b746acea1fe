// From what the user named to a list of images: directories are walked, lists read, shards and
// what is done already left out.
#pragma once

#include "tools/support/console.h"
#include "tools/vgg16_infer/options.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::tools {

/// One image to be classified, or, with an error, one input that gives none.
struct Input {
  std::string path;   ///< as it was named; "-" is stdin
  std::string error;  ///< "[input] no images: photos"
};

/// In the order of the command line; a directory's files sorted by name, bytewise. A directory
/// gives what looks like an image by its name or its first bytes; hidden files are left out. Throws
/// UsageError for a bad --shard or a second "-", and IoError for a --resume file that is
/// unreadable.
std::vector<Input> collect_inputs(const InferOptions& options, const Console& console);

/// FNV-1a, mixed: the same on every machine and in every version.
std::uint64_t stable_hash(std::string_view text);

/// The paths that a JSON Lines file of ours has with "ok":true.
std::vector<std::string> paths_done(const std::string& jsonl);

}  // namespace lamina::tools
