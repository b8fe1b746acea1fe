#include "core/checked_math.h"
#include "serialization/checksum.h"
#include "serialization/format_error.h"
#include "serialization/json_text.h"
#include "serialization/manifest.h"
#include "serialization/tensor_record.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <utility>

namespace lamina::serialization {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little,
              "the file's integers are read as they are");

template <typename T>
T read_at(std::span<const std::byte> bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void check_magic(std::span<const std::byte> bytes, const fs::path& file) {
  const std::string_view start =
      text_of(bytes.first(std::min(bytes.size(), kContainerMagic.size())));
  if (start == kContainerMagic) return;
  if (kContainerMagic.starts_with(start)) {
    throw_format(FormatErrc::truncated, file, "truncated: {} bytes", bytes.size());
  }
  // What a copy in text mode does to the line feed at the magic's end.
  const bool text_mode = start.starts_with(kContainerMagic.substr(0, 7)) && start[7] == '\r';
  throw FormatError(
      FormatErrc::bad_magic, fmt::format("bad magic: not a lamina container: {}", file.string()),
      text_mode ? "it seems to have been copied in text mode; copy it as binary" : "");
}

struct Header {
  std::uint16_t major, minor;
  std::string_view manifest;
};

// Ordered so that each message is the most telling one: a newer version may have another layout
// behind its number, and a short file has no whole manifest to check.
Header parse_header(std::span<const std::byte> bytes, const fs::path& file) {
  check_magic(bytes, file);
  const auto size = static_cast<std::int64_t>(bytes.size());
  if (size < kContainerHeaderBytes) {
    throw_format(FormatErrc::truncated, file, "truncated: {} bytes, the header has {}", size,
                 kContainerHeaderBytes);
  }
  Header header{read_at<std::uint16_t>(bytes, 8), read_at<std::uint16_t>(bytes, 10), {}};
  if (header.major != kContainerMajor) {
    throw FormatError(
        FormatErrc::unsupported_version,
        fmt::format("unsupported version: {}.{}, this reader knows {}: {}", header.major,
                    header.minor, kContainerMajor, file.string()),
        header.major > kContainerMajor ? "a newer lamina wrote it; update this one" : "");
  }
  const auto length = read_at<std::uint64_t>(bytes, 16);
  if (length > static_cast<std::uint64_t>(kMaxJsonBytes)) {
    throw_format(FormatErrc::limit, file, "too long: a manifest of {} bytes, at most {}", length,
                 kMaxJsonBytes);
  }
  if (length > static_cast<std::uint64_t>(size - kContainerHeaderBytes)) {
    throw_format(FormatErrc::truncated, file, "truncated: {} bytes, the manifest ends at {}", size,
                 kContainerHeaderBytes + static_cast<std::int64_t>(length));
  }
  const auto manifest = bytes.subspan(kContainerHeaderBytes, static_cast<std::size_t>(length));
  Checksum checksum;
  checksum.update(bytes.first(24));
  checksum.update(manifest);
  if (checksum.value() != read_at<std::uint64_t>(bytes, 24)) {
    throw_format(FormatErrc::bad_checksum, file, "bad checksum: header and manifest");
  }
  if (const auto flags = read_at<std::uint32_t>(bytes, 12); flags != 0) {
    throw_format(FormatErrc::bad_flags, file, "bad flags: {:#x}, none is defined", flags);
  }
  header.manifest = text_of(manifest);
  return header;
}

// One field of the object `place` ("manifest", "tensor 3"), or of its absence.
template <typename T>
T required(std::optional<T> value, const char* field, std::string_view place,
           const fs::path& file) {
  if (!value) {
    throw_format(FormatErrc::bad_field, file, "bad field: '{}' is missing or of the wrong type: {}",
                 field, place);
  }
  return std::move(*value);
}

class TensorListParser {
 public:
  TensorListParser(std::int64_t begin, std::int64_t file_bytes, const fs::path& file)
      : end_(begin), file_bytes_(file_bytes), file_(file) {}

  std::vector<TensorEntry> parse(std::string_view list) {
    std::size_t count = 0;
    const auto counted = [&](std::string_view) { ++count; };
    if (!for_each_element(list, counted)) {
      required<int>(std::nullopt, "tensors", "manifest", file_);
    }
    check_tensor_count(count, file_);
    entries_.reserve(count);
    for_each_element(list, [this](std::string_view element) { parse_entry(element); });
    if (end_ != file_bytes_) {
      throw_format(FormatErrc::hole, file_, "hole: {} bytes behind the last tensor",
                   file_bytes_ - end_);
    }
    return std::move(entries_);
  }

 private:
  void parse_entry(std::string_view text) {
    const std::string place = fmt::format("tensor {}", entries_.size());
    const auto members = required(json_members(text), "tensors", place, file_);
    TensorEntry entry;
    entry.name = required(json_string(find_member(members, "name")), "name", place, file_);
    check_name(entry.name, file_);
    if (!index_.emplace(entry.name, entries_.size()).second) {
      throw_format(FormatErrc::duplicate_name, file_, "duplicate name: tensor '{}'", entry.name);
    }
    const std::string_view alias = find_member(members, "alias_of");
    if (alias.empty()) {
      parse_stored(members, entry);
    } else {
      parse_alias(required(json_string(alias), "alias_of", place, file_), entry);
    }
    entries_.push_back(std::move(entry));
  }

  void parse_alias(const std::string& target, TensorEntry& entry) const {
    const auto found = index_.find(target);
    if (found == index_.end() || found->second == entries_.size() ||
        !entries_[found->second].alias_of.empty()) {
      throw_format(FormatErrc::bad_field, file_,
                   "bad field: 'alias_of' names '{}', which is no earlier tensor of its own: "
                   "tensor '{}'",
                   target, entry.name);
    }
    std::string name = std::move(entry.name);
    entry = entries_[found->second];
    entry.alias_of = target;
    entry.name = std::move(name);
  }

  void parse_stored(const JsonMembers& members, TensorEntry& entry) {
    const std::string place = fmt::format("tensor '{}'", entry.name);
    const auto dtype = required(json_string(find_member(members, "dtype")), "dtype", place, file_);
    const auto known = parse_dtype(dtype);
    if (!known) {
      throw_format(FormatErrc::unknown_dtype, file_, "unknown dtype: '{}': {}", dtype, place);
    }
    entry.dtype = *known;
    const auto sizes =
        required(json_integers(find_member(members, "shape")), "shape", place, file_);
    entry.shape = checked_shape(sizes, entry.dtype, entry.name, file_);
    entry.offset = required(json_integer(find_member(members, "offset")), "offset", place, file_);
    entry.nbytes = required(json_integer(find_member(members, "nbytes")), "nbytes", place, file_);
    const auto checksum = json_string(find_member(members, "checksum"));
    entry.checksum =
        required(checksum ? parse_checksum(*checksum) : std::nullopt, "checksum", place, file_);
    check_place(entry, place);
  }

  void check_place(const TensorEntry& entry, const std::string& place) {
    if (const auto expected = entry.shape.numel() * size_of(entry.dtype);
        entry.nbytes != expected) {
      throw_format(FormatErrc::size_mismatch, file_, "size mismatch: {} bytes, {} of {} are {}: {}",
                   entry.nbytes, to_string(entry.shape), to_string(entry.dtype), expected, place);
    }
    const std::int64_t alignment = container_alignment(entry.nbytes);
    if (entry.offset % alignment != 0) {
      throw_format(FormatErrc::misaligned, file_,
                   "misaligned: offset {}, a multiple of {} is due: {}", entry.offset, alignment,
                   place);
    }
    if (entry.offset < end_) {
      throw_format(FormatErrc::overlap, file_, "overlap: offset {}, the bytes before end at {}: {}",
                   entry.offset, end_, place);
    }
    if (entry.offset > round_up(end_, alignment)) {
      throw_format(FormatErrc::hole, file_, "hole: offset {}, the bytes before end at {}: {}",
                   entry.offset, end_, place);
    }
    const auto end = checked_add(entry.offset, entry.nbytes);
    if (!end || *end > file_bytes_) {
      throw_format(FormatErrc::truncated, file_, "truncated: {} bytes, {} bytes at {} are due: {}",
                   file_bytes_, entry.nbytes, entry.offset, place);
    }
    end_ = *end;
  }

  std::int64_t end_;  // of what came before the entry at hand
  std::int64_t file_bytes_;
  const fs::path& file_;
  std::vector<TensorEntry> entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

std::map<std::string, std::string> parse_metadata(std::string_view text, const fs::path& file) {
  std::map<std::string, std::string> metadata;
  if (text.empty()) return metadata;
  for (const auto& [name, value] : required(json_members(text), "metadata", "manifest", file)) {
    metadata[name] = required(json_string(value), "metadata", "manifest", file);
  }
  return metadata;
}

void check_length(std::string_view text, std::size_t limit, const char* field,
                  const fs::path& file) {
  if (text.size() <= limit) return;
  throw_format(FormatErrc::limit, file, "too long: '{}' has {} bytes, at most {}: manifest", field,
               text.size(), limit);
}

std::string parse_object(std::string_view text, const char* field, const fs::path& file) {
  check_length(text, kMaxModelBytes, field, file);
  if (!text.empty() && text.front() != '{') required<int>(std::nullopt, field, "manifest", file);
  return std::string(text);
}

}  // namespace

ContainerInfo parse_container_head(std::span<const std::byte> file_bytes, const fs::path& file,
                                   KeepManifest keep) {
  const Header header = parse_header(file_bytes, file);
  check_json(header.manifest, "manifest", file);
  const auto members = required(json_members(header.manifest), "format", "manifest", file);
  if (json_string(find_member(members, "format")) != "lamina") {
    throw_format(FormatErrc::bad_field, file, "bad field: 'format' is not \"lamina\": manifest");
  }
  ContainerInfo info;
  info.version_major = header.major;
  info.version_minor = header.minor;
  info.file_bytes = static_cast<std::int64_t>(file_bytes.size());
  if (keep == KeepManifest::yes) info.manifest = header.manifest;
  info.created_by = json_string(find_member(members, "created_by")).value_or("");
  info.metadata = parse_metadata(find_member(members, "metadata"), file);
  info.model = parse_object(find_member(members, "model"), "model", file);
  info.weights = parse_object(find_member(members, "weights"), "weights", file);
  info.checkpoint = find_member(members, "checkpoint");
  check_length(info.checkpoint, kMaxCheckpointBytes, "checkpoint", file);
  const auto begin = kContainerHeaderBytes + static_cast<std::int64_t>(header.manifest.size());
  info.tensors =
      TensorListParser(begin, info.file_bytes, file).parse(find_member(members, "tensors"));
  return info;
}

}  // namespace lamina::serialization
