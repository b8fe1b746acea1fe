// Everything the library throws. One base, `lamina::Error`; one child for each kind of answer a
// program can give: correct the call, give up on this file, take another device, and so on.
//
// A message says what was expected, what came, and where: "[conv2d] input has 4 channels, weight
// expects 3 (input [1, 4, 8, 8], weight [64, 3, 3, 3])".
#pragma once

#include <lamina/core/export.h>

#include <stdexcept>
#include <string>

namespace lamina {

class LAMINA_API Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what, std::string hint = {});
  ~Error() override;

  /// A next step for the person who reads the message; empty where none helps.
  const std::string& hint() const noexcept { return hint_; }

 private:
  std::string hint_;
};

/// The caller passed something that can never work: a shape, a dtype, an option.
class LAMINA_API InvalidArgument : public Error {
 public:
  using Error::Error;
  ~InvalidArgument() override;
};

/// A legal request that this build or this machine cannot serve.
class LAMINA_API Unsupported : public Error {
 public:
  using Error::Error;
  ~Unsupported() override;
};

/// The operating system refused: open, read, write, rename, map. The message names the path.
class LAMINA_API IoError : public Error {
 public:
  using Error::Error;
  ~IoError() override;
};

/// The names, shapes or dtypes of a state dict do not fit the model it was to be loaded into.
class LAMINA_API StateDictError : public Error {
 public:
  using Error::Error;
  ~StateDictError() override;
};

/// The device is not there, or its memory is not enough.
class LAMINA_API DeviceError : public Error {
 public:
  using Error::Error;
  ~DeviceError() override;
};

/// A CUDA call failed.
class LAMINA_API CudaError : public DeviceError {
 public:
  using DeviceError::DeviceError;
  ~CudaError() override;
};

/// Which rule of a file format was broken; each rule has a test that breaks it alone.
enum class FormatErrc {
  truncated,            ///< the file ends inside something it announced
  bad_magic,            ///< not a file of this kind
  unsupported_version,  ///< a newer major version than this reader knows
  bad_flags,            ///< a reserved bit is set
  bad_checksum,         ///< bytes differ from what the file says of itself
  bad_json,             ///< the header is not JSON
  bad_field,            ///< a field is missing, of the wrong type, or out of its range
  bad_name,             ///< a tensor's name is empty, too long or not UTF-8
  duplicate_name,       ///< two tensors, or two keys of one object, share a name
  unknown_dtype,        ///< a dtype this reader does not know
  overflow,             ///< a product of sizes does not fit 64 bits
  size_mismatch,        ///< a byte range is not as long as dtype and shape say
  out_of_bounds,        ///< a byte range leaves the file
  overlap,              ///< two byte ranges share a byte
  hole,                 ///< bytes that belong to nothing
  misaligned,           ///< an offset that is not aligned as the format demands
  limit,                ///< a count, length or depth beyond what a reader accepts
  unsafe,               ///< a pickle that would run code in Python
  unknown_layer,        ///< a model names a layer type that does not exist
  bad_image,            ///< not an image, or a damaged one
  image_too_large,      ///< more pixels than the limit
};

/// The stable name of a rule, for example "bad_checksum".
LAMINA_API const char* to_string(FormatErrc code);

/// A file's bytes break the rules of its format.
class LAMINA_API FormatError : public Error {
 public:
  FormatError(FormatErrc code, const std::string& what, std::string hint = {});
  ~FormatError() override;

  FormatErrc code() const noexcept { return code_; }

 private:
  FormatErrc code_;
};

}  // namespace lamina
