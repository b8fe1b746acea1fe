#include <lamina/serialization/npy.h>

#include "core/atomic_file.h"
#include "core/mapped_file.h"
#include "core/require.h"
#include "serialization/npy_array.h"
#include "serialization/tensor_record.h"

#include <vector>

namespace lamina::serialization {

Tensor load_npy(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return parse_npy(file->bytes(), file, "", path);
}

void save_npy(const Tensor& tensor, const std::filesystem::path& path) {
  LAMINA_REQUIRE(tensor.defined(), "[save_npy] the tensor is undefined");
  const std::string header = format_npy_header(tensor.dtype(), tensor.shape().sizes());
  const Tensor source = tensor.contiguous();
  AtomicFile file(path);
  file.write(as_bytes(header));
  file.write(bytes_of(source));
  file.commit();
}

struct NpyWriter::Impl {
  DType dtype;
  Shape row_shape;
  std::int64_t row_bytes;
  std::string header;
  AtomicFile file;
  std::int64_t rows = 0;

  std::string header_for(std::int64_t row_count) const {
    std::vector<std::int64_t> sizes{row_count};
    sizes.insert(sizes.end(), row_shape.begin(), row_shape.end());
    return format_npy_header(dtype, sizes);
  }
};

NpyWriter::NpyWriter(const std::filesystem::path& path, DType dtype, const Shape& row_shape) {
  LAMINA_REQUIRE(row_shape.rank() < Shape::kMaxRank, "[npy_writer] rows of rank {}, at most {}",
                 row_shape.rank(), Shape::kMaxRank - 1);
  // The header that is put down now is as long as the one that replaces it, whatever the count.
  std::vector<std::int64_t> sizes{0};
  sizes.insert(sizes.end(), row_shape.begin(), row_shape.end());
  std::string header = format_npy_header(dtype, sizes);
  impl_.reset(new Impl{dtype, row_shape, row_shape.numel() * size_of(dtype), std::move(header),
                       AtomicFile(path)});
  impl_->file.write(as_bytes(impl_->header));
}

NpyWriter::~NpyWriter() = default;
NpyWriter::NpyWriter(NpyWriter&&) noexcept = default;
NpyWriter& NpyWriter::operator=(NpyWriter&&) noexcept = default;

void NpyWriter::append(const Tensor& rows) {
  const Shape& row = impl_->row_shape;
  LAMINA_REQUIRE(rows.dtype() == impl_->dtype, "[npy_writer] rows are {}, the array is {}",
                 to_string(rows.dtype()), to_string(impl_->dtype));
  const bool is_batch =
      rows.rank() == row.rank() + 1 && Shape(rows.shape().sizes().subspan(1)) == row;
  LAMINA_REQUIRE(is_batch || rows.shape() == row,
                 "[npy_writer] a tensor of shape {}, rows have shape {}", rows.shape(), row);
  const Tensor source = rows.contiguous();
  impl_->file.write(bytes_of(source));
  impl_->rows += is_batch ? rows.size(0) : 1;
}

void NpyWriter::append(std::span<const std::byte> rows) {
  const auto size = static_cast<std::int64_t>(rows.size());
  LAMINA_REQUIRE(impl_->row_bytes > 0 && size % impl_->row_bytes == 0,
                 "[npy_writer] {} bytes, a row has {}", size, impl_->row_bytes);
  impl_->file.write(rows);
  impl_->rows += size / impl_->row_bytes;
}

std::int64_t NpyWriter::rows() const noexcept { return impl_->rows; }

void NpyWriter::commit() {
  impl_->file.write_at(0, as_bytes(impl_->header_for(impl_->rows)));
  impl_->file.commit();
}

}  // namespace lamina::serialization
