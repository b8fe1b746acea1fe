#include <lamina/serialization/load.h>

#include <lamina/serialization/container.h>
#include <lamina/serialization/npy.h>
#include <lamina/serialization/npz.h>
#include <lamina/serialization/pth.h>
#include <lamina/serialization/safetensors.h>

#include "core/require.h"
#include "serialization/unknown_kind.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

namespace lamina {
namespace {

namespace fs = std::filesystem;
using serialization::FileKind;

StateDict load_container(const fs::path& path, const LoadOptions& options) {
  return std::move(serialization::read_container(path, options).tensors);
}

// One array has no name of its own; it gets the one that numpy.savez would give it.
StateDict load_array(const fs::path& path, const LoadOptions&) {
  StateDict tensors;
  tensors.insert("arr_0", serialization::load_npy(path));
  return tensors;
}

struct Reader {
  FileKind kind;
  StateDict (*load)(const fs::path&, const LoadOptions&);
};
// A kind becomes readable by a line here.
constexpr std::array kReaders{
    Reader{FileKind::lamina, load_container},
    Reader{FileKind::safetensors, serialization::load_safetensors},
    Reader{FileKind::safetensors_index, serialization::load_safetensors_index},
    Reader{FileKind::npz, serialization::load_npz},
    Reader{FileKind::npy, load_array},
    Reader{FileKind::pth_zip, serialization::load_pth},
    Reader{FileKind::pth_legacy, serialization::load_pth},
    Reader{FileKind::pth_tar, serialization::load_pth},
    Reader{FileKind::torchscript, serialization::load_pth},
    Reader{FileKind::pickle, serialization::load_pth},
};

struct Writer {
  std::string_view extension;
  void (*save)(const StateDict&, const fs::path&, const SaveOptions&);
};
constexpr std::array kWriters{
    Writer{".lamina", save},
    Writer{".safetensors", serialization::save_safetensors},
    Writer{".npz", serialization::save_npz},
    Writer{".pth", serialization::save_pth},
    Writer{".pt", serialization::save_pth},
};

}  // namespace

StateDict load(const fs::path& path, const LoadOptions& options) {
  const FileKind kind = serialization::detect_kind(path);
  const auto* const reader = std::ranges::find(kReaders, kind, &Reader::kind);
  if (reader == kReaders.end()) serialization::throw_unknown_kind(path);
  return reader->load(path, options);
}

void save(const StateDict& tensors, const fs::path& path, const SaveOptions& options) {
  serialization::Container container;
  container.tensors = tensors;
  serialization::write_container(path, container, options);
}

void save_any(const StateDict& tensors, const fs::path& path, const SaveOptions& options) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto* const writer = std::ranges::find(kWriters, extension, &Writer::extension);
  LAMINA_REQUIRE(
      writer != kWriters.end(),
      "[save] unknown extension '{}', known are .lamina, .safetensors, .npz, .pth, .pt: {}",
      extension, path.string());
  writer->save(tensors, path, options);
}

}  // namespace lamina
