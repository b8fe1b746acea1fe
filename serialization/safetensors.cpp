#include <lamina/serialization/safetensors.h>

#include "core/mapped_file.h"
#include "core/require.h"
#include "core/storage.h"
#include "serialization/json_text.h"
#include "serialization/safetensors_header.h"
#include "serialization/safetensors_write.h"
#include "serialization/tensor_record.h"

#include <algorithm>
#include <vector>

namespace lamina::serialization {

StateDict load_safetensors(const std::filesystem::path& path, const LoadOptions& options) {
  const auto file = MappedFile::open(path);
  SafetensorsHeader header = parse_safetensors_header(file->bytes(), path);
  StateDict tensors;
  tensors.metadata() = std::move(header.metadata);
  for (SafetensorsEntry& entry : header.entries) {
    const auto bytes = header.buffer.subspan(static_cast<std::size_t>(entry.begin),
                                             static_cast<std::size_t>(entry.end - entry.begin));
    Tensor tensor = view_or_copy(bytes, entry.shape, entry.dtype, file, options.unaligned);
    if (tensor.raw_data() == bytes.data()) tensor.storage()->set_file(file.get());
    tensors.insert(std::move(entry.name), std::move(tensor));
  }
  return tensors;
}

void write_safetensors(const StateDict& tensors, AtomicFile& file, SaveProgress& progress) {
  LAMINA_REQUIRE(!tensors.contains("__metadata__"),
                 "[save] safetensors keeps the name '__metadata__' for itself");
  check_writable_count(tensors.size());
  std::vector<const StateDict::Entry*> order;
  for (const auto& entry : tensors) order.push_back(&entry);
  std::ranges::stable_sort(order, std::greater<>{}, [](const StateDict::Entry* entry) {
    return size_of(entry->second.dtype());
  });
  SafetensorsHeader header;
  header.metadata = tensors.metadata();
  std::int64_t end = 0;
  for (const auto* entry : order) {
    const auto& [name, tensor] = *entry;
    header.entries.push_back({name, tensor.dtype(), tensor.shape(), end, end + tensor.nbytes()});
    end += tensor.nbytes();
  }
  const std::string head = format_safetensors_header(header);
  LAMINA_REQUIRE(static_cast<std::int64_t>(head.size()) <= kMaxJsonBytes,
                 "[save] a header of {} bytes, at most {}", head.size(), kMaxJsonBytes);

  file.write(as_bytes(head));
  for (const auto* entry : order) {
    const Tensor source = entry->second.contiguous();
    in_steps(bytes_of(source), [&](std::span<const std::byte> step) {
      file.write(step);
      progress.advance(step);
    });
  }
}

void save_safetensors(const StateDict& tensors, const std::filesystem::path& path,
                      const SaveOptions& options) {
  check_writable(tensors);
  check_target(path, options);
  SaveProgress progress(options.progress, tensors.nbytes());
  AtomicFile file(path);
  write_safetensors(tensors, file, progress);
  file.commit();
}

}  // namespace lamina::serialization
