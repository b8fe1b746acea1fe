#include <lamina/core/error.h>

#include <string_view>

namespace lamina {
namespace {

constexpr std::size_t kMaxBytes = 4000;

bool is_plain(unsigned char c) { return c >= 0x20 && c != 0x7f; }

// A message quotes names out of files: it stays one line whatever they hold, and says nothing to a
// terminal. Text beyond ASCII is left as it is, but for the controls among it (U+0080 to U+009F).
std::string one_line(std::string_view text) {
  std::string line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (line.size() >= kMaxBytes) return line + "...";
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : ' ');
    if (!is_plain(c) || (c == 0xc2 && next >= 0x80 && next < 0xa0)) {
      constexpr char kDigits[] = "0123456789abcdef";
      line += {'\\', 'x', kDigits[c >> 4], kDigits[c & 15]};
    } else {
      line += static_cast<char>(c);
    }
  }
  return line;
}

}  // namespace

Error::Error(const std::string& what, std::string hint)
    : std::runtime_error(one_line(what)), hint_(one_line(hint)) {}
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
