#include <lamina/core/error.h>
#include <lamina/serialization/load.h>

#include "core/mapped_file.h"
#include "serialization/json_text.h"
#include "serialization/manifest.h"
#include "serialization/zip_reader.h"
#include "serialization/zip_records.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string_view>
#include <vector>

namespace lamina::serialization {
namespace {

// What torch.save wrote first before 1.6: its magic number, pickled, behind the pickle's version.
constexpr std::string_view kLegacyMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e";
constexpr std::size_t kTarMagicOffset = 257;
constexpr std::size_t kLongestName = 256;  // of a global that a text is taken for a pickle by

FileKind kind_of_zip_names(const std::vector<std::string_view>& names) {
  // PyTorch's members stand in a top folder whose name is anything.
  const auto has = [&](std::string_view member) {
    return std::ranges::any_of(names, [&](std::string_view name) {
      const std::size_t slash = name.find('/');
      return slash != std::string_view::npos && name.substr(slash + 1).starts_with(member);
    });
  };
  if (has("constants.pkl") || has("code/")) return FileKind::torchscript;
  const auto is_pickle = [](std::string_view name) {
    return name == "data.pkl" || name.ends_with("/data.pkl");
  };
  // The last three are PyTorch's other archives; their reader says which.
  if (std::ranges::any_of(names, is_pickle) || has("model.json") || has(".data/") ||
      has("archive_format")) {
    return FileKind::pth_zip;
  }
  const bool arrays =
      std::ranges::all_of(names, [](std::string_view name) { return name.ends_with(".npy"); });
  return arrays ? FileKind::npz : FileKind::unknown;
}

// A zip whose directory cannot be read is told by its first entry.
FileKind kind_of_zip(const std::shared_ptr<MappedFile>& file, std::string_view text) {
  std::vector<std::string_view> names;
  try {
    const ZipReader zip(file);
    for (const ZipEntry& entry : zip.entries()) names.emplace_back(entry.name);
    return kind_of_zip_names(names);
  } catch (const FormatError&) {
    constexpr std::size_t kNameLengthOffset = 26;
    if (text.size() < static_cast<std::size_t>(zip::kLocalBytes)) return FileKind::unknown;
    std::uint16_t length = 0;
    std::memcpy(&length, text.data() + kNameLengthOffset, sizeof length);
    return kind_of_zip_names({text.substr(zip::kLocalBytes, length)});
  }
}

// Protocols 4 and 5 put a frame around what they write.
std::string_view without_frame(std::string_view text) {
  constexpr std::size_t kFrameBytes = 9;
  return text.starts_with('\x95') && text.size() > kFrameBytes ? text.substr(kFrameBytes) : text;
}

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
  });
}

// Protocol 2 and later say so; before, a pickle begins with an instruction that could also be text.
bool is_pickle(std::string_view text) {
  constexpr unsigned char kNewestProtocol = 5;
  if (text.size() < 2) return false;
  if (text[0] == '\x80') return static_cast<unsigned char>(text[1]) <= kNewestProtocol;
  if (text[0] == 'c') {  // a global: two lines of names
    const std::size_t first = text.find('\n');
    if (first == std::string_view::npos || first > kLongestName) return false;
    const std::string_view rest = text.substr(first + 1, kLongestName);
    return is_word(text.substr(1, first - 1)) && is_word(rest.substr(0, rest.find('\n')));
  }
  constexpr std::string_view kOpening = "(]})", kNext = "lditcSVIFLNpqgU(})]";
  return kOpening.find(text[0]) != std::string_view::npos &&
         kNext.find(text[1]) != std::string_view::npos;
}

bool is_safetensors(std::string_view text) {
  std::uint64_t length = 0;
  if (text.size() <= sizeof length) return false;
  std::memcpy(&length, text.data(), sizeof length);
  return length >= 2 && length <= static_cast<std::uint64_t>(kMaxJsonBytes) && text[8] == '{';
}

bool is_index(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && text[begin] == '{' &&
         static_cast<std::int64_t>(text.size()) <= kMaxJsonBytes &&
         text.find("\"weight_map\"") != std::string_view::npos;
}

}  // namespace

const char* to_string(FileKind kind) {
  switch (kind) {
    case FileKind::lamina: return "lamina";
    case FileKind::safetensors: return "safetensors";
    case FileKind::safetensors_index: return "safetensors (index)";
    case FileKind::npz: return "npz";
    case FileKind::npy: return "npy";
    case FileKind::pth_zip: return "pth (zip)";
    case FileKind::pth_legacy: return "pth (legacy)";
    case FileKind::pth_tar: return "pth (tar)";
    case FileKind::torchscript: return "torchscript";
    case FileKind::pickle: return "pickle";
    case FileKind::unknown: return "unknown";
  }
  return "unknown";
}

FileKind detect_kind(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()),
                              file->bytes().size());
  // Without its last byte, so that the reader can tell of a copy in text mode, which changes it.
  if (text.starts_with(kContainerMagic.substr(0, 7))) return FileKind::lamina;
  if (text.starts_with("\x93NUMPY")) return FileKind::npy;
  if (text.starts_with("PK\x03\x04") || text.starts_with("PK\x05\x06"))
    return kind_of_zip(file, text);
  if (text.size() > 2 && text[0] == '\x80' &&
      without_frame(text.substr(2)).starts_with(kLegacyMagic)) {
    return FileKind::pth_legacy;
  }
  if (text.size() > kTarMagicOffset && text.substr(kTarMagicOffset).starts_with("ustar")) {
    return FileKind::pth_tar;
  }
  if (is_safetensors(text)) return FileKind::safetensors;
  if (is_index(text)) return FileKind::safetensors_index;
  return is_pickle(text) ? FileKind::pickle : FileKind::unknown;
}

}  // namespace lamina::serialization
