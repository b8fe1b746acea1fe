// What to say of a file that is none of the known kinds.
#pragma once

#include <filesystem>

namespace lamina::serialization {

/// Throws FormatError: bad_magic with a hint of what the file is instead, the zip's own error for a
/// damaged archive, unsafe for a pickle in disguise.
[[noreturn]] void throw_unknown_kind(const std::filesystem::path& path);

}  // namespace lamina::serialization
