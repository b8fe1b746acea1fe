#include <lamina/core/threads.h>

#include "core/mapped_file.h"
#include "core/parallel.h"
#include "core/storage.h"
#include "serialization/checksum.h"
#include "serialization/format_error.h"
#include "serialization/manifest.h"
#include "serialization/steps.h"
#include "serialization/tensor_record.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace lamina::serialization {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> stored_bytes(const MappedFile& file, const TensorEntry& entry) {
  return file.bytes().subspan(static_cast<std::size_t>(entry.offset),
                              static_cast<std::size_t>(entry.nbytes));
}

// Compares the stored tensors with their checksums, a tensor a thread, the longest first. The
// progress is reported by the caller's thread alone, between the steps of its own tensors.
class Verifier {
 public:
  Verifier(const MappedFile& file, const ContainerInfo& info, const ByteProgress& progress)
      : file_(file), progress_(progress), caller_(std::this_thread::get_id()) {
    for (const TensorEntry& entry : info.tensors) {
      if (!entry.alias_of.empty()) continue;
      entries_.push_back(&entry);
      total_ += entry.nbytes;
    }
    good_ = std::vector<std::atomic<bool>>(entries_.size());
  }

  void run() {
    std::vector<std::size_t> order(entries_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
      return entries_[a]->nbytes > entries_[b]->nbytes;
    });
    file_.will_need();
    parallel_for(available_threads(), static_cast<std::int64_t>(order.size()), 1,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i) {
                     const std::size_t index = order[static_cast<std::size_t>(i)];
                     good_[index] = is_good(*entries_[index]);
                   }
                 });
    if (progress_) progress_(total_, total_);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (good_[i]) continue;
      throw_format(FormatErrc::bad_checksum, file_.path(), "bad checksum: tensor '{}'",
                   entries_[i]->name);
    }
  }

 private:
  bool is_good(const TensorEntry& entry) {
    Checksum checksum;
    in_steps(stored_bytes(file_, entry), [&](std::span<const std::byte> step) {
      checksum.update(step);
      const std::int64_t done = done_ += static_cast<std::int64_t>(step.size());
      if (progress_ && std::this_thread::get_id() == caller_) progress_(done, total_);
    });
    return checksum.value() == entry.checksum;
  }

  const MappedFile& file_;
  const ByteProgress& progress_;
  const std::thread::id caller_;
  std::vector<const TensorEntry*> entries_;
  std::vector<std::atomic<bool>> good_;
  std::int64_t total_ = 0;
  std::atomic<std::int64_t> done_{0};
};

// The bytes between the manifest and the tensors, and between those, are zero.
void check_padding(const MappedFile& file, const ContainerInfo& info) {
  std::int64_t end = kContainerHeaderBytes + static_cast<std::int64_t>(info.manifest.size());
  for (const TensorEntry& entry : info.tensors) {
    if (!entry.alias_of.empty()) continue;
    const auto padding = file.bytes().subspan(static_cast<std::size_t>(end),
                                              static_cast<std::size_t>(entry.offset - end));
    if (!std::ranges::all_of(padding, [](std::byte byte) { return byte == std::byte{0}; })) {
      throw_format(FormatErrc::hole, file.path(),
                   "hole: padding that is not zero: before tensor '{}'", entry.name);
    }
    end = entry.offset + entry.nbytes;
  }
}

}  // namespace

Container read_container(const fs::path& path, const LoadOptions& options) {
  const auto file = MappedFile::open(path);
  ContainerInfo info = parse_container_head(file->bytes(), path);
  if (options.verify) Verifier(*file, info, options.progress).run();

  Container container;
  container.model = std::move(info.model);
  container.weights = std::move(info.weights);
  container.checkpoint = std::move(info.checkpoint);
  container.created_by = std::move(info.created_by);
  container.tensors.metadata() = std::move(info.metadata);
  for (const TensorEntry& entry : info.tensors) {
    Tensor tensor = entry.alias_of.empty() ? Tensor::wrap(stored_bytes(*file, entry).data(),
                                                          entry.shape, entry.dtype, file)
                                           : container.tensors.at(entry.alias_of);
    if (entry.alias_of.empty()) tensor.storage()->set_file(file.get());
    container.tensors.insert(entry.name, std::move(tensor));
  }
  return container;
}

ContainerInfo inspect_container(const fs::path& path) {
  return parse_container_head(MappedFile::open(path)->bytes(), path, KeepManifest::yes);
}

void verify_container(const fs::path& path, const ByteProgress& progress) {
  const auto file = MappedFile::open(path);
  const ContainerInfo info = parse_container_head(file->bytes(), path, KeepManifest::yes);
  Verifier(*file, info, progress).run();
  check_padding(*file, info);
}

}  // namespace lamina::serialization
