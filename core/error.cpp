#include <lamina/core/error.h>

#include <utility>

namespace lamina {

Error::Error(const std::string& what, std::string hint)
    : std::runtime_error(what), hint_(std::move(hint)) {}
// Out of line, so that each class has one vtable and one type_info, in this library.
Error::~Error() = default;
InvalidArgument::~InvalidArgument() = default;
Unsupported::~Unsupported() = default;
IoError::~IoError() = default;
StateDictError::~StateDictError() = default;
DeviceError::~DeviceError() = default;
CudaError::~CudaError() = default;
FormatError::~FormatError() = default;

FormatError::FormatError(FormatErrc code, const std::string& what, std::string hint)
    : Error(what, std::move(hint)), code_(code) {}

const char* to_string(FormatErrc code) {
  switch (code) {
    case FormatErrc::truncated: return "truncated";
    case FormatErrc::bad_magic: return "bad_magic";
    case FormatErrc::unsupported_version: return "unsupported_version";
    case FormatErrc::bad_flags: return "bad_flags";
    case FormatErrc::bad_checksum: return "bad_checksum";
    case FormatErrc::bad_json: return "bad_json";
    case FormatErrc::bad_field: return "bad_field";
    case FormatErrc::bad_name: return "bad_name";
    case FormatErrc::duplicate_name: return "duplicate_name";
    case FormatErrc::unknown_dtype: return "unknown_dtype";
    case FormatErrc::overflow: return "overflow";
    case FormatErrc::size_mismatch: return "size_mismatch";
    case FormatErrc::out_of_bounds: return "out_of_bounds";
    case FormatErrc::overlap: return "overlap";
    case FormatErrc::hole: return "hole";
    case FormatErrc::misaligned: return "misaligned";
    case FormatErrc::limit: return "limit";
    case FormatErrc::unsafe: return "unsafe";
    case FormatErrc::unknown_layer: return "unknown_layer";
    case FormatErrc::bad_image: return "bad_image";
    case FormatErrc::image_too_large: return "image_too_large";
  }
  return "unknown";
}

}  // namespace lamina
