// What every format has to check of a tensor's name and shape, and to know of a tensor it writes.
#pragma once

#include <lamina/core/dtype.h>
#include <lamina/core/shape.h>
#include <lamina/core/state_dict.h>
#include <lamina/serialization/load.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

namespace lamina::serialization {

inline constexpr std::size_t kMaxNameBytes = 4096;
/// Of one file. Some hundred bytes of memory stand behind each, whatever it costs in the file.
inline constexpr std::size_t kMaxTensors = 65'536;
/// What a reader may take beyond the size of its file; the other limits keep to it, too.
inline constexpr std::int64_t kRoomBytes = std::int64_t{64} << 20;

bool is_utf8(std::string_view text);

/// Throws FormatError(bad_name) for a name that is empty, too long or not UTF-8.
void check_name(std::string_view name, const std::filesystem::path& file);

/// Throws FormatError(limit) for more tensors than kMaxTensors.
void check_tensor_count(std::size_t count, const std::filesystem::path& file);

/// A shape read from a file, whose size in bytes is sure to fit int64. Throws FormatError: limit
/// (rank), bad_field (a negative size), overflow.
Shape checked_shape(std::span<const std::int64_t> sizes, DType dtype, std::string_view name,
                    const std::filesystem::path& file);

/// A part of a file's bytes. Throws FormatError(out_of_bounds) for a range that leaves
/// `bytes`; `what` names it: "tensor 'fc.bias'".
std::span<const std::byte> checked_range(std::span<const std::byte> bytes, std::int64_t offset,
                                         std::int64_t size, std::string_view what,
                                         const std::filesystem::path& file);

/// A tensor on bytes of a mapped file that `owner` keeps open: a view where `data` is aligned to
/// the element size or need not be (LoadOptions::unaligned), else a copy.
Tensor view_or_copy(std::span<const std::byte> data, const Shape& shape, DType dtype,
                    const std::shared_ptr<void>& owner, bool unaligned = false);

/// Throws InvalidArgument for a tensor that is undefined or not on the CPU, for a bad name, and for
/// metadata that is not UTF-8.
void check_writable(const StateDict& tensors);

/// Throws InvalidArgument for more tensors than check_tensor_count() lets a reader take.
void check_writable_count(std::size_t count);

/// Throws IoError where the options forbid to replace the file at `path`.
void check_target(const std::filesystem::path& path, const SaveOptions& options);

/// The bytes of a contiguous tensor.
std::span<const std::byte> bytes_of(const Tensor& tensor);

std::span<const std::byte> as_bytes(std::string_view text);

}  // namespace lamina::serialization
