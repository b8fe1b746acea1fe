#include <lamina/serialization/pth.h>

#include "core/mapped_file.h"
#include "core/storage.h"
#include "serialization/format_error.h"
#include "serialization/pickle/unpickler.h"
#include "serialization/pth/collect.h"
#include "serialization/pth/legacy.h"
#include "serialization/pth/pth_zip.h"
#include "serialization/pth/tar.h"

#include <string>

namespace lamina::serialization {
namespace {

namespace fs = std::filesystem;
using pickle::Arena;
using pickle::ByteCursor;
using pickle::Value;

// What objects of a pickle may take, and copies of tensors beyond the file's own size.
constexpr std::int64_t kArenaBytes = std::int64_t{32} << 20;
constexpr std::int64_t kCopyBytes = std::int64_t{16} << 20;
constexpr std::int64_t kDequantizedGrowth = 4;  // f32 out of int8

std::int64_t copy_limit(const MappedFile& file, const LoadOptions& options) {
  const auto size = static_cast<std::int64_t>(file.bytes().size());
  return size * (options.dequantize ? 1 + kDequantizedGrowth : 1) + kCopyBytes;
}

// The tensors of an object whose storages the reader has found already.
StateDict tensors_of(const Value& object, const std::shared_ptr<MappedFile>& file,
                     const LoadOptions& options) {
  TensorMaker maker(
      file, [](StorageBytes&) {}, options);
  return Collector(maker, file->path()).collect(object, options.key);
}

StateDict load_zip(const std::shared_ptr<MappedFile>& file, const LoadOptions& options) {
  Arena arena(kArenaBytes);
  PthZip zip(file);
  TorchEnvironment environment(file);
  const Value object = zip.read(arena, environment);
  TensorMaker maker(
      file, [&](StorageBytes& storage) { zip.fill(storage, options.verify); }, options);
  try {
    return Collector(maker, file->path()).collect(object, options.key);
  } catch (const NoTensors& error) {
    if (!zip.contains("constants.pkl")) throw;
    throw NoTensors(
        fmt::format("[pth] TorchScript whose parameters are constants of its code, "
                    "which is not read: {}",
                    file->path().string()),
        "in Python: torch.save(model.state_dict(), \"weights.pth\") before it is frozen "
        "or optimised for mobile");
  }
}

StateDict load_legacy(const std::shared_ptr<MappedFile>& file, const LoadOptions& options) {
  Arena arena(kArenaBytes);
  TorchEnvironment environment(file);
  ByteCursor cursor(file->bytes(), "the file", file->path());
  const Value object = read_legacy(cursor, arena, environment, file);
  return tensors_of(object, file, options);
}

StateDict load_tar(const std::shared_ptr<MappedFile>& file, const LoadOptions& options) {
  Arena arena(kArenaBytes);
  TarReader reader(file, arena);
  const Value object = reader.read();
  return tensors_of(object, file, options);
}

StateDict load_pickle(const std::shared_ptr<MappedFile>& file, const LoadOptions& options) {
  Arena arena(kArenaBytes);
  TorchEnvironment environment(file);
  ByteCursor cursor(file->bytes(), "the file", file->path());
  const Value object = pickle::Unpickler(cursor, arena, environment).load();
  refuse_rest(cursor, environment);
  return tensors_of(object, file, options);
}

}  // namespace

StateDict load_pth(const fs::path& path, const LoadOptions& options) {
  const auto file = MappedFile::open(path);
  const AllocationLimit limit(copy_limit(*file, options));
  const FileKind kind = detect_kind(path);
  try {
    switch (kind) {
      case FileKind::pth_zip:
      case FileKind::torchscript: return load_zip(file, options);
      case FileKind::pth_legacy: return load_legacy(file, options);
      case FileKind::pth_tar: return load_tar(file, options);
      default: return load_pickle(file, options);
    }
  } catch (const FormatError& error) {
    // Limits of memory do not know which file they are about.
    const std::string text = error.what();
    if (error.code() != FormatErrc::limit || text.find(path.string()) != std::string::npos) throw;
    const char* const hint =
        "if it is one you trust, in Python: torch.save(torch.load(FILE), FILE)";
    throw FormatError(error.code(), fmt::format("{}: {}", text, path.string()), hint);
  }
}

}  // namespace lamina::serialization
