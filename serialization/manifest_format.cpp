#include "core/checked_math.h"
#include "serialization/checksum.h"
#include "serialization/json_text.h"
#include "serialization/manifest.h"
#include "serialization/tensor_record.h"

#include <fmt/format.h>

#include <iterator>
#include <string>

namespace lamina::serialization {
namespace {

std::string tensor_line(const TensorEntry& entry) {
  if (!entry.alias_of.empty()) {
    return fmt::format(R"({{"name":{},"alias_of":{}}})", json_quote(entry.name),
                       json_quote(entry.alias_of));
  }
  return fmt::format(
      R"({{"name":{},"dtype":"{}","shape":[{}],"offset":{},"nbytes":{},"checksum":"{}"}})",
      json_quote(entry.name), to_string(entry.dtype),
      fmt::join(entry.shape.begin(), entry.shape.end(), ","), entry.offset, entry.nbytes,
      checksum_text(entry.checksum));
}

// One line a tensor, so that `head -c` on a file shows something a person can read.
std::string manifest_text(const ContainerInfo& info) {
  std::string text =
      fmt::format("{{\"format\":\"lamina\",\n\"created_by\":{}", json_quote(info.created_by));
  if (!info.metadata.empty()) {
    text += ",\n\"metadata\":{";
    const char* separator = "";
    for (const auto& [key, value] : info.metadata) {
      text += fmt::format("{}{}:{}", separator, json_quote(key), json_quote(value));
      separator = ",";
    }
    text += '}';
  }
  if (!info.model.empty()) text += ",\n\"model\":" + info.model;
  if (!info.weights.empty()) text += ",\n\"weights\":" + info.weights;
  if (!info.checkpoint.empty()) text += ",\n\"checkpoint\":" + info.checkpoint;
  text += ",\n\"tensors\":[";
  const char* separator = "\n";
  for (const TensorEntry& entry : info.tensors) {
    text += separator + tensor_line(entry);
    separator = ",\n";
  }
  text += "]}\n";
  return text;
}

template <typename T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

void place_tensors(ContainerInfo& info) {
  // The offsets' digits are part of the manifest, and its length moves the offsets. Longer offsets
  // never make it shorter, so this ends; two or three rounds are usual.
  std::size_t length = 0;
  while (true) {
    std::int64_t end = kContainerHeaderBytes + static_cast<std::int64_t>(length);
    for (TensorEntry& entry : info.tensors) {
      if (!entry.alias_of.empty()) continue;
      entry.offset = round_up(end, container_alignment(entry.nbytes));
      end = entry.offset + entry.nbytes;
    }
    const std::size_t needed = manifest_text(info).size();
    if (needed == length) return;
    length = needed;
  }
}

std::string format_container_head(const ContainerInfo& info) {
  const std::string manifest = manifest_text(info);
  std::string head(kContainerMagic);
  append(head, kContainerMajor);
  append(head, kContainerMinor);
  append(head, std::uint32_t{0});  // flags
  append(head, static_cast<std::uint64_t>(manifest.size()));
  Checksum checksum;
  checksum.update(as_bytes(head));
  checksum.update(as_bytes(manifest));
  append(head, checksum.value());
  return head + manifest;
}

}  // namespace lamina::serialization
