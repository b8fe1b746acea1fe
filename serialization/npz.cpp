#include <lamina/serialization/npz.h>

#include "core/mapped_file.h"
#include "core/require.h"
#include "serialization/format_error.h"
#include "serialization/npy_array.h"
#include "serialization/steps.h"
#include "serialization/tensor_record.h"
#include "serialization/zip_reader.h"
#include "serialization/zip_writer.h"

#include <string_view>

namespace lamina::serialization {
namespace {

constexpr std::string_view kExtension = ".npy";

}  // namespace

StateDict load_npz(const std::filesystem::path& path, const LoadOptions& options) {
  const ZipReader zip(MappedFile::open(path));
  check_tensor_count(zip.entries().size(), path);
  std::int64_t total = 0;
  for (const ZipEntry& entry : zip.entries()) total += entry.compressed_size;
  StateDict tensors;
  std::int64_t done = 0;
  for (const ZipEntry& entry : zip.entries()) {
    if (!std::string_view(entry.name).ends_with(kExtension)) {
      throw_format(FormatErrc::bad_field, path, "not an array: zip entry '{}'", entry.name);
    }
    std::string name = entry.name.substr(0, entry.name.size() - kExtension.size());
    check_name(name, path);
    const ZipContent content = zip.read(entry);
    tensors.insert(std::move(name), parse_npy(content.bytes, content.owner,
                                              fmt::format("zip entry '{}'", entry.name), path));
    done += entry.compressed_size;
    if (options.progress) options.progress(done, total);
  }
  return tensors;
}

void save_npz(const StateDict& tensors, const std::filesystem::path& path,
              const SaveOptions& options) {
  check_writable(tensors);
  check_writable_count(tensors.size());
  check_target(path, options);
  SaveProgress progress(options.progress, tensors.nbytes());
  ZipWriter zip(path);
  for (const auto& [name, tensor] : tensors) {
    const std::string header = format_npy_header(tensor.dtype(), tensor.shape().sizes());
    const Tensor source = tensor.contiguous();
    zip.begin(name + std::string(kExtension),
              static_cast<std::int64_t>(header.size()) + source.nbytes(), 64);
    zip.write(as_bytes(header));
    in_steps(bytes_of(source), [&](std::span<const std::byte> step) {
      zip.write(step);
      progress.advance(step);
    });
    zip.end();
  }
  zip.commit();
}

}  // namespace lamina::serialization
