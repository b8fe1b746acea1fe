#include "serialization/unknown_kind.h"

#include "core/mapped_file.h"
#include "serialization/format_error.h"
#include "serialization/pth/legacy.h"
#include "serialization/pth/torch_environment.h"
#include "serialization/zip_reader.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::serialization {
namespace {

using namespace std::literals;

// What is often found in a weight file's place, told by its first bytes.
struct Stranger {
  std::string_view start;
  const char* hint;
  std::size_t offset = 0;
};
constexpr std::array kStrangers{
    Stranger{"version https://git-lfs", "it is a Git LFS pointer, not the file; run git lfs pull"},
    Stranger{"<!", "it is a web page; the download went to an error or log-in page"},
    Stranger{"<html", "it is a web page; the download went to an error or log-in page"},
    Stranger{"\x1f\x8b", "it is gzip-compressed; unpack it first"},
    Stranger{"BZh", "it is bzip2-compressed; unpack it first"},
    Stranger{"\xfd"
             "7zXZ",
             "it is xz-compressed; unpack it first"},
    Stranger{"\x28\xb5\x2f\xfd", "it is zstd-compressed; unpack it first"},
    Stranger{"7z\xbc\xaf", "it is a 7-Zip archive; unpack it first"},
    Stranger{"\x89HDF", "it is HDF5, as Keras writes; save it as .npz or .safetensors first"},
    Stranger{"GGUF", "it is GGUF, a kind for language models"},
    Stranger{"PTMF", "it is PyTorch Mobile's flatbuffer; save the model's state_dict instead", 4},
};

// Every name that an archive of other things holds would be too many.
std::string hint_of_zip(const std::shared_ptr<MappedFile>& file) {
  constexpr std::size_t kShown = 3;
  const ZipReader zip(file);
  std::vector<std::string_view> names;
  for (const ZipEntry& entry : zip.entries()) {
    if (names.size() < kShown) names.emplace_back(entry.name);
  }
  return fmt::format("it is a zip archive of other things: {}{}", fmt::join(names, ", "),
                     zip.entries().size() > kShown ? ", …" : "");
}

std::string hint_of(const std::shared_ptr<MappedFile>& file, std::string_view text) {
  if (text.empty()) return "the file is empty";
  if (text.starts_with("PK")) return hint_of_zip(file);
  for (const Stranger& stranger : kStrangers) {
    const bool long_enough = text.size() >= stranger.offset;
    if (long_enough && text.substr(stranger.offset).starts_with(stranger.start)) {
      return stranger.hint;
    }
  }
  return "known kinds: .lamina, .pth, .safetensors, .npz, .npy";
}

}  // namespace

void throw_unknown_kind(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()),
                              file->bytes().size());
  // A pickle can begin with almost any byte; one that would run something shall be told of.
  pickle::ByteCursor cursor(file->bytes(), "the file", path);
  TorchEnvironment environment(file);
  refuse_unsafe(cursor, environment);
  throw FormatError(FormatErrc::bad_magic,
                    fmt::format("not a file of a known kind: {}", path.string()),
                    hint_of(file, text));
}

}  // namespace lamina::serialization
