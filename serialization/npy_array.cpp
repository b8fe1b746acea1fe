#include "serialization/npy_array.h"

#include "core/checked_math.h"
#include "serialization/format_error.h"
#include "serialization/tensor_record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace lamina::serialization {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kVersionEnd = 8;  // the header's length follows: 2 bytes, from version 2 on 4
constexpr std::int64_t kMaxHeaderBytes = 1 << 20;

// NumPy's names without the byte order in front.
constexpr std::array<std::pair<std::string_view, DType>, 9> kDTypes{{
    {"f4", DType::f32},
    {"f8", DType::f64},
    {"f2", DType::f16},
    {"i1", DType::i8},
    {"u1", DType::u8},
    {"i2", DType::i16},
    {"i4", DType::i32},
    {"i8", DType::i64},
    {"b1", DType::boolean},
}};

// Reads the one form of Python literal that the format allows:
// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class LiteralParser {
 public:
  explicit LiteralParser(std::string_view text) : text_(text) {}

  // Nothing where the text has another form; the three keys may come in any order, each once.
  std::optional<NpyDescription> parse() {
    NpyDescription description;
    bool descr = false, order = false, shape = false;
    if (!take("{")) return std::nullopt;
    while (!take("}")) {
      const auto key = string();
      if (!key || !take(":")) return std::nullopt;
      if (*key == "descr" && !std::exchange(descr, true)) {
        if (!parse_descr(description.descr)) return std::nullopt;
      } else if (*key == "fortran_order" && !std::exchange(order, true)) {
        description.fortran_order = take("True");
        if (!description.fortran_order && !take("False")) return std::nullopt;
      } else if (*key == "shape" && !std::exchange(shape, true)) {
        if (!parse_shape(description.sizes)) return std::nullopt;
      } else {
        return std::nullopt;
      }
      if (!take(",") && peek() != '}') return std::nullopt;
    }
    if (!descr || !order || !shape || peek() != '\0') return std::nullopt;
    return description;
  }

 private:
  void skip_space() {
    position_ = std::min(text_.find_first_not_of(" \t\r\n", position_), text_.size());
  }

  char peek() {
    skip_space();
    return position_ < text_.size() ? text_[position_] : '\0';
  }

  bool take(std::string_view token) {
    skip_space();
    if (!text_.substr(position_).starts_with(token)) return false;
    position_ += token.size();
    return true;
  }

  std::optional<std::string> string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') return std::nullopt;
    const std::size_t end = text_.find(quote, position_ + 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string value(text_.substr(position_ + 1, end - position_ - 1));
    position_ = end + 1;
    return value;
  }

  // A structured dtype is a list; its text becomes the name that the error shows.
  bool parse_descr(std::string& descr) {
    if (peek() != '[') {
      auto value = string();
      if (value) descr = std::move(*value);
      return value.has_value();
    }
    const std::size_t end = text_.find(']', position_);
    if (end == std::string_view::npos) return false;
    descr = text_.substr(position_, end + 1 - position_);
    position_ = end + 1;
    return true;
  }

  bool parse_shape(std::vector<std::int64_t>& sizes) {
    if (!take("(")) return false;
    while (!take(")")) {
      skip_space();
      std::int64_t size = 0;
      const char* begin = text_.data() + position_;
      const auto [stopped, error] = std::from_chars(begin, text_.data() + text_.size(), size);
      if (error != std::errc()) return false;
      position_ += static_cast<std::size_t>(stopped - begin);
      take("L");  // as Python 2 wrote a long
      sizes.push_back(size);
      if (!take(",") && peek() != ')') return false;
    }
    return true;
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

class ArrayParser {
 public:
  ArrayParser(std::span<const std::byte> bytes, std::string_view place, const fs::path& file)
      : bytes_(bytes), place_(place.empty() ? "" : fmt::format(": {}", place)), file_(file) {}

  Tensor parse(const std::shared_ptr<void>& owner) {
    const auto description = LiteralParser(take_header()).parse();
    if (!description) {
      throw_format(FormatErrc::bad_field, file_, "bad header: not NumPy's description{}", place_);
    }
    return make(*description, owner);
  }

  // Requires: the bytes are the elements alone.
  Tensor make(const NpyDescription& description, const std::shared_ptr<void>& owner) const {
    const DType dtype = parse_dtype_name(description.descr);
    const Shape shape = checked_shape(description.sizes, dtype, "array", file_);
    check_size(shape.numel() * size_of(dtype));
    Tensor tensor = view_or_copy(bytes_, shape, dtype, owner);
    // In this order, so that an array which needs both is copied once.
    if (description.fortran_order) tensor = from_fortran(tensor);
    if (description.descr.front() == '>' && size_of(dtype) > 1) swap_bytes(tensor);
    return tensor;
  }

 private:
  // Leaves the elements in bytes_.
  std::string_view take_header() {
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
    if (!text.starts_with(kMagic)) {
      throw_format(FormatErrc::bad_magic, file_, "bad magic: not a .npy array{}", place_);
    }
    if (text.size() < kVersionEnd) throw_truncated("its header");
    const int major = static_cast<unsigned char>(text[6]);
    if (major < 1 || major > 3) {
      throw_format(FormatErrc::unsupported_version, file_,
                   "unsupported version: {}, this reader knows 1 to 3{}", major, place_);
    }
    std::uint32_t length = 0;
    const std::size_t begin = kVersionEnd + (major == 1 ? 2 : 4);
    if (text.size() < begin) throw_truncated("its header");
    std::memcpy(&length, text.data() + kVersionEnd, begin - kVersionEnd);
    if (length > kMaxHeaderBytes) {
      throw_format(FormatErrc::limit, file_, "too long: a header of {} bytes, at most {}{}", length,
                   kMaxHeaderBytes, place_);
    }
    if (length > text.size() - begin) throw_truncated("its header");
    bytes_ = bytes_.subspan(begin + length);
    return text.substr(begin, length);
  }

  DType parse_dtype_name(const std::string& descr) const {
    const bool ordered =
        !descr.empty() && std::string_view("<>|=").find(descr[0]) != std::string::npos;
    for (const auto& [name, dtype] : kDTypes) {
      if (ordered && std::string_view(descr).substr(1) == name) return dtype;
    }
    const bool is_object = descr.find('O') != std::string::npos;
    throw FormatError(
        FormatErrc::unknown_dtype,
        fmt::format("unknown dtype: '{}'{}: {}", descr, place_, file_.string()),
        is_object ? "it holds Python objects, which are pickled; save plain numbers" : "");
  }

  void check_size(std::int64_t expected) const {
    const auto size = static_cast<std::int64_t>(bytes_.size());
    if (size < expected) throw_truncated(fmt::format("{} bytes of elements", expected));
    if (size > expected) {
      throw_format(FormatErrc::hole, file_, "hole: {} bytes behind the elements{}", size - expected,
                   place_);
    }
  }

  [[noreturn]] void throw_truncated(std::string_view what) const {
    throw_format(FormatErrc::truncated, file_, "truncated: the array ends inside {}{}", what,
                 place_);
  }

  static void swap_bytes(Tensor& tensor) {
    if (tensor.is_read_only()) tensor = tensor.clone();
    auto* bytes = static_cast<std::byte*>(tensor.mutable_raw_data());
    const std::int64_t width = size_of(tensor.dtype());
    for (std::int64_t i = 0; i < tensor.nbytes(); i += width)
      std::reverse(bytes + i, bytes + i + width);
  }

  // The bytes are those of the transposed array in C order.
  static Tensor from_fortran(const Tensor& tensor) {
    const Shape& shape = tensor.shape();
    std::array<std::int64_t, Shape::kMaxRank> strides{};
    std::int64_t stride = 1;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      strides[static_cast<std::size_t>(axis)] = stride;
      stride *= shape[axis];
    }
    const auto rank = static_cast<std::size_t>(shape.rank());
    return tensor.as_strided(shape, std::span(strides).first(rank), 0).contiguous();
  }

  std::span<const std::byte> bytes_;
  std::string place_;
  const fs::path& file_;
};

std::string descr_of(DType dtype) {
  const auto* const found =
      std::ranges::find(kDTypes, dtype, &decltype(kDTypes)::value_type::second);
  if (found == kDTypes.end()) {
    throw Unsupported(fmt::format("[save_npy] NumPy has no dtype for {}", to_string(dtype)),
                      "convert to f32 first, or write .lamina or .safetensors");
  }
  return fmt::format("{}{}", size_of(dtype) == 1 ? '|' : '<', found->first);
}

}  // namespace

Tensor parse_npy(std::span<const std::byte> bytes, const std::shared_ptr<void>& owner,
                 std::string_view place, const fs::path& file) {
  return ArrayParser(bytes, place, file).parse(owner);
}

Tensor make_npy_tensor(const NpyDescription& description, std::span<const std::byte> elements,
                       const std::shared_ptr<void>& owner, std::string_view place,
                       const fs::path& file) {
  return ArrayParser(elements, place, file).make(description, owner);
}

std::string format_npy_header(DType dtype, std::span<const std::int64_t> sizes) {
  constexpr std::int64_t kPrefixBytes = 10;  // magic, version, length
  constexpr std::size_t kGrownDigits = 21;   // NumPy reserves this many for the first size
  std::string text =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", descr_of(dtype),
                  fmt::join(sizes, ", "), sizes.size() == 1 ? "," : "");
  if (!sizes.empty()) text.append(kGrownDigits - fmt::format("{}", sizes.front()).size(), ' ');
  const auto unpadded = kPrefixBytes + static_cast<std::int64_t>(text.size()) + 1;
  text.append(static_cast<std::size_t>(round_up(unpadded, 64) - unpadded), ' ');
  text += '\n';
  const auto length = static_cast<std::uint16_t>(text.size());  // rank 8 at most: below 300 bytes
  std::string header(kMagic);
  header += {'\x01', '\x00', static_cast<char>(length & 0xff), static_cast<char>(length >> 8)};
  return header + text;
}

}  // namespace lamina::serialization
