// Reading and writing state dicts, whatever the kind of file.
//
//   lamina::save(model.state_dict(), "model_weights.lamina");
//   model.load_state_dict(lamina::load("model_weights.lamina"));
//
// Tensors that come out of load() are views of the mapped file wherever its bytes allow: they cost
// no memory of their own, and are read-only (clone() to write). All functions may be called from
// several threads at once.
#pragma once

#include <lamina/core/error.h>
#include <lamina/core/export.h>
#include <lamina/core/state_dict.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace lamina {

/// Called now and then from the thread that loads or saves, with bytes done and bytes in all.
using ByteProgress = std::function<void(std::int64_t done, std::int64_t total)>;

struct LoadOptions {
  /// Also compare every tensor's bytes with its checksum, where the format has them.
  bool verify = false;
  ByteProgress progress = {};
  /// Pickled files: where in the object the weights stand, keys and attributes joined by dots;
  /// "." takes every tensor of the file. Empty: `state_dict`, `model_state_dict` or `model` of a
  /// checkpoint, else the whole object.
  std::string key = {};
  /// Pickled files: quantised tensors become f32, (q - zero_point) * scale; else they are refused.
  bool dequantize = false;
  /// Tensors may begin at any byte of the file, which saves the copy of those that are not aligned.
  /// For callers that do nothing with them but pass their bytes on, to save() for instance.
  bool unaligned = false;
};

struct SaveOptions {
  ByteProgress progress = {};
  /// False: a file that is there already is an IoError.
  bool overwrite = true;
};

/// Reads the state dict of any kind of file that detect_kind() knows.
/// Errors:   IoError; FormatError; Unsupported for a kind that holds no readable tensors.
LAMINA_API StateDict load(const std::filesystem::path& path, const LoadOptions& options = {});

/// Writes a .lamina container, under whatever name.
/// Errors:   InvalidArgument for a name that is empty, too long or not UTF-8; IoError.
LAMINA_API void save(const StateDict& tensors, const std::filesystem::path& path,
                     const SaveOptions& options = {});

/// Writes the kind of file that the extension names: .lamina, .safetensors, .npz, .pth or .pt.
/// Errors:   InvalidArgument, listing those, for any other; and what save() throws.
LAMINA_API void save_any(const StateDict& tensors, const std::filesystem::path& path,
                         const SaveOptions& options = {});

namespace serialization {

enum class FileKind {
  lamina,
  safetensors,
  safetensors_index,  ///< of a model in several safetensors files
  npz,
  npy,
  pth_zip,      ///< torch.save since PyTorch 1.6
  pth_legacy,   ///< torch.save before 1.6: a row of pickles
  pth_tar,      ///< torch.save of 2016-17
  torchscript,  ///< torch.jit.save
  pickle,       ///< a pickle that is none of torch.save's
  unknown,
};

/// "lamina", "safetensors", "pth (zip)", …: for messages.
LAMINA_API const char* to_string(FileKind kind);

/// Tells the kind of a file by its bytes, never by its name; a damaged file keeps the kind that its
/// first bytes show. Throws IoError where it cannot be read.
LAMINA_API FileKind detect_kind(const std::filesystem::path& path);

}  // namespace serialization
}  // namespace lamina
