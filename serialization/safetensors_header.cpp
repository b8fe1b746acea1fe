#include "serialization/safetensors_header.h"

#include "core/checked_math.h"
#include "serialization/format_error.h"
#include "serialization/json_text.h"
#include "serialization/tensor_record.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

namespace lamina::serialization {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kLengthBytes = 8;
constexpr std::string_view kMetadata = "__metadata__";

constexpr std::array<std::pair<std::string_view, DType>, 10> kDTypes{{
    {"F32", DType::f32},
    {"F64", DType::f64},
    {"F16", DType::f16},
    {"BF16", DType::bf16},
    {"I8", DType::i8},
    {"U8", DType::u8},
    {"I16", DType::i16},
    {"I32", DType::i32},
    {"I64", DType::i64},
    {"BOOL", DType::boolean},
}};

DType dtype_of_name(std::string_view name, std::string_view tensor, const fs::path& file) {
  for (const auto& [text, dtype] : kDTypes) {
    if (text == name) return dtype;
  }
  throw_format(FormatErrc::unknown_dtype, file, "unknown dtype: '{}': tensor '{}'", name, tensor);
}

std::string_view name_of_dtype(DType dtype) {
  return std::ranges::find(kDTypes, dtype, &decltype(kDTypes)::value_type::second)->first;
}

std::string_view header_text(std::span<const std::byte> bytes, const fs::path& file) {
  const auto size = static_cast<std::int64_t>(bytes.size());
  if (size < kLengthBytes) {
    throw_format(FormatErrc::truncated, file, "truncated: {} bytes, the header's length has {}",
                 size, kLengthBytes);
  }
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > static_cast<std::uint64_t>(kMaxJsonBytes)) {
    throw_format(FormatErrc::limit, file, "too long: a header of {} bytes, at most {}", length,
                 kMaxJsonBytes);
  }
  if (length > static_cast<std::uint64_t>(size - kLengthBytes)) {
    throw_format(FormatErrc::truncated, file, "truncated: {} bytes, the header ends at {}", size,
                 kLengthBytes + static_cast<std::int64_t>(length));
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length);
  if (!text.starts_with('{')) {
    throw_format(FormatErrc::bad_magic, file, "bad magic: not a safetensors file");
  }
  return text;
}

[[noreturn]] void throw_bad_field(std::string_view field, std::string_view place,
                                  const fs::path& file) {
  throw_format(FormatErrc::bad_field, file, "bad field: '{}' is missing or of the wrong type: {}",
               field, place);
}

std::map<std::string, std::string> parse_metadata(std::string_view text, const fs::path& file) {
  const auto members = json_members(text);
  if (!members) throw_bad_field(kMetadata, "header", file);
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : *members) {
    auto string = json_string(value);
    if (!string) throw_bad_field(key, kMetadata, file);
    metadata[key] = std::move(*string);
  }
  return metadata;
}

SafetensorsEntry parse_entry(const std::string& name, std::string_view text,
                             std::int64_t buffer_bytes, const fs::path& file) {
  check_name(name, file);
  const std::string place = fmt::format("tensor '{}'", name);
  const auto members = json_members(text);
  if (!members) throw_bad_field(name, "header", file);
  const auto dtype = json_string(find_member(*members, "dtype"));
  if (!dtype) throw_bad_field("dtype", place, file);
  const auto sizes = json_integers(find_member(*members, "shape"));
  if (!sizes) throw_bad_field("shape", place, file);
  const auto range = json_integers(find_member(*members, "data_offsets"));
  if (!range || range->size() != 2) throw_bad_field("data_offsets", place, file);

  SafetensorsEntry entry;
  entry.name = name;
  entry.dtype = dtype_of_name(*dtype, name, file);
  entry.shape = checked_shape(*sizes, entry.dtype, name, file);
  entry.begin = (*range)[0];
  entry.end = (*range)[1];
  if (entry.begin < 0 || entry.end < entry.begin) {
    throw_format(FormatErrc::bad_field, file, "bad field: data_offsets [{}, {}): {}", entry.begin,
                 entry.end, place);
  }
  if (entry.end > buffer_bytes) {
    throw FormatError(FormatErrc::out_of_bounds,
                      fmt::format("out of bounds: data_offsets [{}, {}) of {} bytes: {}: {}",
                                  entry.begin, entry.end, buffer_bytes, place, file.string()),
                      "the file may have been cut short");
  }
  const std::int64_t expected = entry.shape.numel() * size_of(entry.dtype);
  if (entry.end - entry.begin != expected) {
    throw_format(FormatErrc::size_mismatch, file, "size mismatch: {} bytes, {} of {} are {}: {}",
                 entry.end - entry.begin, to_string(entry.shape), *dtype, expected, place);
  }
  return entry;
}

// Sorted by place, each range starts where the one before it ends, and the last ends the file.
void check_coverage(const std::vector<SafetensorsEntry>& entries, std::int64_t buffer_bytes,
                    const fs::path& file) {
  std::int64_t end = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin < end) {
      throw_format(FormatErrc::overlap, file,
                   "overlap: data_offsets [{}, {}), the bytes before end at {}: tensor '{}'",
                   entry.begin, entry.end, end, entry.name);
    }
    if (entry.begin > end) {
      throw_format(FormatErrc::hole, file,
                   "hole: data_offsets [{}, {}), the bytes before end at {}: tensor '{}'",
                   entry.begin, entry.end, end, entry.name);
    }
    end = entry.end;
  }
  if (end != buffer_bytes) {
    throw_format(FormatErrc::hole, file, "hole: {} bytes behind the last tensor",
                 buffer_bytes - end);
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file_bytes,
                                           const fs::path& file) {
  const std::string_view text = header_text(file_bytes, file);
  check_json(text, "header", file);
  SafetensorsHeader header;
  header.buffer = file_bytes.subspan(static_cast<std::size_t>(kLengthBytes) + text.size());
  const auto buffer_bytes = static_cast<std::int64_t>(header.buffer.size());
  JsonMembers members = json_members(text).value();
  check_tensor_count(members.size(), file);
  header.entries.reserve(members.size());
  for (const auto& [name, value] : members) {
    if (name == kMetadata) {
      header.metadata = parse_metadata(value, file);
    } else {
      header.entries.push_back(parse_entry(name, value, buffer_bytes, file));
    }
  }
  std::ranges::stable_sort(header.entries, {}, [](const SafetensorsEntry& entry) {
    return std::tuple(entry.begin, entry.end);
  });
  check_coverage(header.entries, buffer_bytes, file);
  return header;
}

std::string format_safetensors_header(const SafetensorsHeader& header) {
  std::string text = "{";
  const char* separator = "";
  if (!header.metadata.empty()) {
    text += fmt::format("{}:{{", json_quote(kMetadata));
    for (const auto& [key, value] : header.metadata) {
      text += fmt::format("{}{}:{}", separator, json_quote(key), json_quote(value));
      separator = ",";
    }
    text += '}';
  }
  for (const SafetensorsEntry& entry : header.entries) {
    text +=
        fmt::format(R"({}{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", separator,
                    json_quote(entry.name), name_of_dtype(entry.dtype),
                    fmt::join(entry.shape.begin(), entry.shape.end(), ","), entry.begin, entry.end);
    separator = ",";
  }
  text += '}';
  const auto unpadded = static_cast<std::int64_t>(text.size()) + kLengthBytes;
  text.append(static_cast<std::size_t>(round_up(unpadded, 64) - unpadded), ' ');
  const auto length = static_cast<std::uint64_t>(text.size());
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + text;
}

}  // namespace lamina::serialization
