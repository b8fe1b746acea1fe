#include <lamina/core/version.h>

#include "core/atomic_file.h"
#include "core/require.h"
#include "serialization/checksum.h"
#include "serialization/json_text.h"
#include "serialization/manifest.h"
#include "serialization/steps.h"
#include "serialization/tensor_record.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace lamina::serialization {
namespace {

namespace fs = std::filesystem;

// Throws InvalidArgument where a text of the caller's is not what may stand in a manifest.
void check_text(const std::string& text, const char* what, std::size_t max_bytes,
                bool must_be_object) {
  if (text.empty()) return;
  LAMINA_REQUIRE(text.size() <= max_bytes, "[save] '{}' has {} bytes, at most {}", what,
                 text.size(), max_bytes);
  try {
    check_json(text, what, {});
  } catch (const FormatError& error) {
    throw InvalidArgument(fmt::format("[save] the text of '{}' cannot be written: {}", what,
                                      to_string(error.code())));
  }
  LAMINA_REQUIRE(!must_be_object || json_members(text), "[save] '{}' is not a JSON object", what);
}

// A value in the manifest carries no white space around it, so that it reads back as it was given.
std::string trimmed(const std::string& text) {
  constexpr const char* kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

ContainerInfo describe(const Container& container) {
  ContainerInfo info;
  info.created_by =
      container.created_by.empty() ? fmt::format("lamina {}", version()) : container.created_by;
  info.model = trimmed(container.model);
  info.weights = trimmed(container.weights);
  info.checkpoint = trimmed(container.checkpoint);
  info.metadata = container.tensors.metadata();
  std::map<const void*, std::vector<std::size_t>>
      stored;  // by first byte: entries that start there
  std::vector<const Tensor*> sources;
  for (const auto& named : container.tensors) {
    const Tensor& tensor = named.second;
    TensorEntry entry;
    entry.name = named.first;
    entry.dtype = tensor.dtype();
    entry.shape = tensor.shape();
    entry.nbytes = tensor.nbytes();
    auto& candidates = stored[tensor.raw_data()];
    const auto same = std::find_if(candidates.begin(), candidates.end(), [&](std::size_t i) {
      return tensor.numel() > 0 && sources[i]->dtype() == tensor.dtype() &&
             sources[i]->shape() == tensor.shape() &&
             std::ranges::equal(sources[i]->strides(), tensor.strides());
    });
    if (same != candidates.end()) {
      entry.alias_of = info.tensors[*same].name;
    } else {
      candidates.push_back(info.tensors.size());
    }
    info.tensors.push_back(std::move(entry));
    sources.push_back(&tensor);
  }
  return info;
}

std::int64_t stored_bytes(const ContainerInfo& info) {
  std::int64_t total = 0;
  for (const TensorEntry& entry : info.tensors) total += entry.alias_of.empty() ? entry.nbytes : 0;
  return total;
}

}  // namespace

void write_container(const fs::path& path, const Container& container, const SaveOptions& options) {
  check_writable(container.tensors);
  check_text(container.model, "model", kMaxModelBytes, /*must_be_object=*/true);
  check_text(container.weights, "weights", kMaxModelBytes, /*must_be_object=*/true);
  check_text(container.checkpoint, "checkpoint", kMaxCheckpointBytes, /*must_be_object=*/false);
  LAMINA_REQUIRE(is_utf8(container.created_by), "[save] 'created_by' is not UTF-8");
  check_writable_count(container.tensors.size());
  check_target(path, options);

  ContainerInfo info = describe(container);
  place_tensors(info);
  const std::string head = format_container_head(info);
  const std::string manifest = head.substr(kContainerHeaderBytes);
  check_text(manifest, "manifest", kMaxJsonBytes, /*must_be_object=*/true);

  AtomicFile file(path);
  file.write(as_bytes(head));
  SaveProgress progress(options.progress, stored_bytes(info));
  auto entry = info.tensors.begin();
  for (const auto& [name, tensor] : container.tensors) {
    TensorEntry& written = *entry++;
    if (!written.alias_of.empty()) continue;
    file.pad_to(container_alignment(written.nbytes));
    const Tensor source = tensor.contiguous();
    Checksum checksum;
    in_steps(bytes_of(source), [&](std::span<const std::byte> step) {
      checksum.update(step);
      file.write(step);
      progress.advance(step);
    });
    written.checksum = checksum.value();
  }
  file.write_at(0, as_bytes(format_container_head(info)));
  file.commit();
}

}  // namespace lamina::serialization
