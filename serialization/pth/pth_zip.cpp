#include "serialization/pth/pth_zip.h"

#include "core/storage.h"
#include "serialization/format_error.h"
#include "serialization/pickle/unpickler.h"
#include "serialization/pth/legacy.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace lamina::serialization {
namespace {

constexpr std::string_view kPickle = "data.pkl";

std::string_view text_of(const ZipContent& content) {
  return {reinterpret_cast<const char*>(content.bytes.data()), content.bytes.size()};
}

// Replaces a storage's bytes by a copy with those of each element the other way round.
void swap_bytes(StorageBytes& storage) {
  const auto width = static_cast<std::size_t>(storage.type->size_bytes);
  const auto copy = Storage::allocate(static_cast<std::int64_t>(storage.bytes.size()));
  const std::span target(static_cast<std::byte*>(copy->data()), storage.bytes.size());
  std::ranges::copy(storage.bytes, target.begin());
  for (std::size_t i = 0; i + width <= target.size(); i += width) {
    std::ranges::reverse(target.subspan(i, width));
  }
  storage.bytes = target;
  storage.owner = copy;
}

[[noreturn]] void throw_no_pickle(const ZipReader& zip) {
  const auto has = [&](std::string_view part) {
    return std::ranges::any_of(zip.entries(), [&](const ZipEntry& entry) {
      return entry.name.find(part) != std::string::npos;
    });
  };
  const char* kind = nullptr;
  if (has(".data/extern_modules") || has(".data/package")) kind = "a torch.package archive";
  if (has("model.json")) kind = "TorchScript of PyTorch 1.0 to 1.3";
  if (has("serialized_exported_program") || has("archive_format") || has("data/aotinductor")) {
    kind = "a program of torch.export (.pt2)";
  }
  if (kind != nullptr) {
    throw Unsupported(
        fmt::format("[pth] {}, whose tensors are not read: {}", kind, zip.path().string()),
        "in Python: torch.save(model.state_dict(), \"weights.pth\")");
  }
  throw_format(FormatErrc::bad_field, zip.path(), "missing: no data.pkl in the zip");
}

}  // namespace

PthZip::PthZip(std::shared_ptr<MappedFile> file) : zip_(std::move(file)) {
  find_pickle();
  find_byte_order();
}

void PthZip::find_pickle() {
  const ZipEntry* found = nullptr;
  for (const ZipEntry& entry : zip_.entries()) {
    const std::string_view name = entry.name;
    const bool in_folder = name.ends_with("/data.pkl");
    if (!in_folder && name != kPickle) continue;
    if (found != nullptr) {
      throw_format(FormatErrc::duplicate_name, zip_.path(), "two pickles: '{}' and '{}'",
                   found->name, name);
    }
    found = &entry;
  }
  if (found == nullptr) throw_no_pickle(zip_);
  folder_ = found->name.substr(0, found->name.size() - kPickle.size());
  pickle_ = zip_.read(*found);
}

void PthZip::find_byte_order() {
  const ZipEntry* const entry = zip_.find(folder_ + "byteorder");  // since 2.1
  if (entry == nullptr) return;
  const ZipContent content = zip_.read(*entry);
  const std::string_view order = text_of(content);
  big_endian_ = order == "big";
  if (!big_endian_ && order != "little") {
    throw_format(FormatErrc::bad_field, zip_.path(), "bad byte order: neither little nor big");
  }
}

pickle::Value PthZip::read(pickle::Arena& arena, TorchEnvironment& environment) {
  const std::string part = folder_ + std::string(kPickle);
  pickle::ByteCursor cursor(pickle_.bytes, part, zip_.path());
  const pickle::Value object = pickle::Unpickler(cursor, arena, environment).load();
  refuse_rest(cursor, environment);
  return object;
}

void PthZip::fill(StorageBytes& storage, bool check) const {
  const ZipEntry* const entry = zip_.find(fmt::format("{}data/{}", folder_, storage.key));
  if (entry == nullptr) return;
  ZipContent content = check || entry->deflated ? zip_.read(*entry) : zip_.read_unchecked(*entry);
  storage.bytes = content.bytes;
  storage.owner = std::move(content.owner);
  if (big_endian_) swap_bytes(storage);
  storage.found = true;
}

}  // namespace lamina::serialization
