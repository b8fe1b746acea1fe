// The .npy format: a line of Python that says dtype, order and shape, then the elements.
#pragma once

#include <lamina/core/tensor.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::serialization {

/// The tensor in the bytes of a .npy file, or of an entry of an .npz; `owner` keeps them. `place`
/// is how messages name it: "zip entry 'a.npy'", or nothing for a file of its own. Throws
/// FormatError.
Tensor parse_npy(std::span<const std::byte> bytes, const std::shared_ptr<void>& owner,
                 std::string_view place, const std::filesystem::path& file);

/// What the header says: NumPy's name of the type ("<f4"), the order and the shape.
struct NpyDescription {
  std::string descr;
  bool fortran_order = false;
  std::vector<std::int64_t> sizes;
};

/// The tensor of elements that are described elsewhere, as pickled arrays are. Throws FormatError.
Tensor make_npy_tensor(const NpyDescription& description, std::span<const std::byte> elements,
                       const std::shared_ptr<void>& owner, std::string_view place,
                       const std::filesystem::path& file);

/// The header of a C-ordered array, a multiple of 64 bytes. Like NumPy's it has room for the first
/// size to grow to any number, so its length does not depend on that. Throws Unsupported for bf16.
std::string format_npy_header(DType dtype, std::span<const std::int64_t> sizes);

}  // namespace lamina::serialization
