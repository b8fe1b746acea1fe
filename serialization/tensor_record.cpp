#include "serialization/tensor_record.h"

#include "core/checked_math.h"
#include "core/require.h"
#include "serialization/format_error.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace lamina::serialization {
namespace {

// Nullptr for a good name.
const char* name_problem(std::string_view name) {
  if (name.empty()) return "empty";
  if (name.size() > kMaxNameBytes) return "longer than 4096 bytes";
  if (!is_utf8(name)) return "not UTF-8";
  return nullptr;
}

}  // namespace

// Well-formed UTF-8 as RFC 3629 has it: shortest form, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80    ? 1
                               : lead < 0xC2  ? 0
                               : lead < 0xE0  ? 2
                               : lead < 0xF0  ? 3
                               : lead <= 0xF4 ? 4
                                              : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
    }
    const auto second = length > 1 ? static_cast<unsigned char>(text[i + 1]) : 0;
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
        (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
      return false;
    }
    i += length;
  }
  return true;
}

void check_name(std::string_view name, const std::filesystem::path& file) {
  if (const char* problem = name_problem(name)) {
    throw_format(FormatErrc::bad_name, file, "bad name: a tensor's name is {}", problem);
  }
}

void check_tensor_count(std::size_t count, const std::filesystem::path& file) {
  if (count <= kMaxTensors) return;
  throw_format(FormatErrc::limit, file, "too many tensors: {}, at most {}", count, kMaxTensors);
}

Shape checked_shape(std::span<const std::int64_t> sizes, DType dtype, std::string_view name,
                    const std::filesystem::path& file) {
  if (sizes.size() > static_cast<std::size_t>(Shape::kMaxRank)) {
    throw_format(FormatErrc::limit, file, "too many dimensions: {}, at most {}: tensor '{}'",
                 sizes.size(), Shape::kMaxRank, name);
  }
  std::optional<std::int64_t> product = size_of(dtype);
  for (const std::int64_t size : sizes) {
    if (size < 0) {
      throw_format(FormatErrc::bad_field, file, "bad shape: size {}: tensor '{}'", size, name);
    }
    // A zero does not hide an overflow of the other sizes.
    product = checked_mul(*product, std::max<std::int64_t>(size, 1));
    if (!product) {
      throw_format(FormatErrc::overflow, file, "overflow: shape [{}] of {}: tensor '{}'",
                   fmt::join(sizes, ", "), to_string(dtype), name);
    }
  }
  return Shape(sizes);
}

std::span<const std::byte> checked_range(std::span<const std::byte> bytes, std::int64_t offset,
                                         std::int64_t size, std::string_view what,
                                         const std::filesystem::path& file) {
  const auto total = static_cast<std::int64_t>(bytes.size());
  if (offset < 0 || size < 0 || offset > total || size > total - offset) {
    throw_format(FormatErrc::out_of_bounds, file, "out of bounds: {} bytes at {}, of {} in all: {}",
                 size, offset, total, what);
  }
  return bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
}

Tensor view_or_copy(std::span<const std::byte> data, const Shape& shape, DType dtype,
                    const std::shared_ptr<void>& owner, bool unaligned) {
  const auto address = reinterpret_cast<std::uintptr_t>(data.data());
  if (unaligned || address % static_cast<std::uintptr_t>(size_of(dtype)) == 0) {
    return Tensor::wrap(data.data(), shape, dtype, owner);
  }
  Tensor copy = Tensor::empty(shape, dtype);
  if (!data.empty()) std::memcpy(copy.mutable_raw_data(), data.data(), data.size());
  return copy;
}

void check_writable(const StateDict& tensors) {
  for (const auto& [name, tensor] : tensors) {
    const char* problem = name_problem(name);
    LAMINA_REQUIRE(problem == nullptr, "[save] a tensor's name is {}", problem);
    LAMINA_REQUIRE(tensor.defined(), "[save] tensor '{}' is undefined", name);
    LAMINA_REQUIRE(tensor.device() == Device{}, "[save] tensor '{}' is on {}; move it to the cpu",
                   name, to_string(tensor.device()));
  }
  for (const auto& [key, value] : tensors.metadata()) {
    LAMINA_REQUIRE(is_utf8(key) && is_utf8(value), "[save] metadata that is not UTF-8");
  }
}

void check_writable_count(std::size_t count) {
  LAMINA_REQUIRE(count <= kMaxTensors, "[save] {} tensors, one file holds at most {}", count,
                 kMaxTensors);
}

void check_target(const std::filesystem::path& path, const SaveOptions& options) {
  std::error_code error;
  if (!options.overwrite && std::filesystem::exists(path, error)) {
    throw IoError(fmt::format("exists already: {}", path.string()));
  }
}

std::span<const std::byte> bytes_of(const Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.raw_data()),
          static_cast<std::size_t>(tensor.nbytes())};
}

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace lamina::serialization
