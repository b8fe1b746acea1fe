#include <lamina/core/tensor.h>

#include "core/checked_math.h"
#include "core/require.h"
#include "core/storage.h"
#include "core/strided_copy.h"

#include <algorithm>

namespace lamina {
namespace {

Tensor::Strides contiguous_strides(const Shape& shape) {
  Tensor::Strides strides{};
  std::int64_t stride = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= shape[axis];
  }
  return strides;
}

std::int64_t checked_nbytes(const Shape& shape, DType dtype) {
  const auto size_bytes = checked_mul(shape.numel(), size_of(dtype));
  LAMINA_REQUIRE(size_bytes.has_value(), "[tensor] {} elements of {} do not fit 64 bits",
                 shape.numel(), to_string(dtype));
  return *size_bytes;
}

Shape shape_of(const std::array<std::int64_t, Shape::kMaxRank>& sizes, int rank) {
  return Shape(std::span(sizes).first(static_cast<std::size_t>(rank)));
}

int checked_axis(const Shape& shape, int axis) {
  const int index = axis < 0 ? axis + shape.rank() : axis;
  LAMINA_REQUIRE(index >= 0 && index < shape.rank(), "[tensor] axis {} of a tensor of shape {}",
                 axis, shape);
  return index;
}

}  // namespace

Tensor::Tensor(std::shared_ptr<Storage> storage, const Shape& shape, DType dtype)
    : storage_(std::move(storage)),
      shape_(shape),
      strides_(contiguous_strides(shape)),
      dtype_(dtype) {}

Tensor Tensor::empty(const Shape& shape, DType dtype) {
  return {Storage::allocate(checked_nbytes(shape, dtype)), shape, dtype};
}

Tensor Tensor::zeros(const Shape& shape, DType dtype) {
  return {Storage::allocate_zeroed(checked_nbytes(shape, dtype)), shape, dtype};
}

Tensor Tensor::full(const Shape& shape, float value) {
  Tensor result = empty(shape);
  std::fill_n(result.mutable_data<float>(), result.numel(), value);
  return result;
}

Tensor Tensor::wrap(const void* data, const Shape& shape, DType dtype,
                    std::shared_ptr<void> owner) {
  // The storage is marked read-only; the cast only lets both kinds share one pointer type.
  return {std::make_shared<Storage>(const_cast<void*>(data), checked_nbytes(shape, dtype),
                                    /*read_only=*/true, std::move(owner)),
          shape, dtype};
}

Tensor Tensor::wrap_mutable(void* data, const Shape& shape, DType dtype,
                            std::shared_ptr<void> owner) {
  return {std::make_shared<Storage>(data, checked_nbytes(shape, dtype), /*read_only=*/false,
                                    std::move(owner)),
          shape, dtype};
}

Device Tensor::device() const noexcept { return storage_ ? storage_->device() : Device{}; }
bool Tensor::is_read_only() const noexcept { return storage_ && storage_->read_only(); }

bool Tensor::is_contiguous() const noexcept {
  std::int64_t expected = 1;
  for (int axis = shape_.rank() - 1; axis >= 0; --axis) {
    const std::int64_t size = shape_.begin()[axis];
    if (size != 1 && strides_[static_cast<std::size_t>(axis)] != expected) return numel() == 0;
    expected *= size;
  }
  return true;
}

const void* Tensor::raw_data() const {
  LAMINA_REQUIRE(defined(), "[tensor] the tensor is undefined");
  return static_cast<const std::byte*>(storage_->data()) + offset_ * size_of(dtype_);
}

void* Tensor::mutable_raw_data() {
  LAMINA_REQUIRE(defined(), "[tensor] the tensor is undefined");
  LAMINA_REQUIRE(!storage_->read_only(),
                 "[tensor] the tensor is read-only (it is a view of a file); clone() it to write");
  storage_->forget_derived();
  return static_cast<std::byte*>(storage_->data()) + offset_ * size_of(dtype_);
}

void Tensor::check_dtype(DType expected) const {
  LAMINA_REQUIRE(expected == dtype_, "[tensor] read as {}, but the tensor is {}",
                 to_string(expected), to_string(dtype_));
}

void Tensor::check_contiguous() const {
  LAMINA_REQUIRE(is_contiguous(), "[tensor] a view of shape {} is not contiguous", shape_);
}

Tensor Tensor::clone() const {
  if (!defined()) return {};
  Tensor result = empty(shape_, dtype_);
  detail::copy_strided(raw_data(), strides(), shape_, size_of(dtype_), result.mutable_raw_data());
  return result;
}

Tensor Tensor::contiguous() const { return is_contiguous() ? *this : clone(); }

Tensor Tensor::to(DType dtype) const {
  if (dtype == dtype_ || !defined()) return *this;
  const Tensor source = contiguous();
  Tensor result = empty(shape_, dtype);
  detail::convert(source.raw_data(), dtype_, result.mutable_raw_data(), dtype, numel());
  return result;
}

Tensor Tensor::to(Device target) const {
  if (target == device()) return *this;
  throw Unsupported(
      fmt::format("[tensor] this build cannot move a tensor to {}", to_string(target)));
}

Tensor Tensor::reshape(const Shape& shape) const {
  LAMINA_REQUIRE(shape.numel() == numel(), "[tensor] shape {} has {} elements, {} has {}", shape_,
                 numel(), shape, shape.numel());
  Tensor result = contiguous();
  result.shape_ = shape;
  result.strides_ = contiguous_strides(shape);
  return result;
}

Tensor Tensor::slice(int axis, std::int64_t begin, std::int64_t end) const {
  const int index = checked_axis(shape_, axis);
  LAMINA_REQUIRE(begin >= 0 && begin <= end && end <= shape_[index],
                 "[tensor] slice [{}, {}) of axis {} of shape {}", begin, end, axis, shape_);
  Tensor result = *this;
  result.shape_ = shape_.with(index, end - begin);
  result.offset_ += begin * strides_[static_cast<std::size_t>(index)];
  return result;
}

Tensor Tensor::select(int axis, std::int64_t at) const {
  const int index = checked_axis(shape_, axis);
  LAMINA_REQUIRE(at >= 0 && at < shape_[index], "[tensor] index {} of axis {} of shape {}", at,
                 axis, shape_);
  Tensor result = *this;
  std::array<std::int64_t, Shape::kMaxRank> sizes{};
  int rank = 0;
  for (int other = 0; other < shape_.rank(); ++other) {
    if (other == index) continue;
    sizes[static_cast<std::size_t>(rank)] = shape_[other];
    result.strides_[static_cast<std::size_t>(rank)] = strides_[static_cast<std::size_t>(other)];
    ++rank;
  }
  result.shape_ = shape_of(sizes, rank);
  result.offset_ += at * strides_[static_cast<std::size_t>(index)];
  return result;
}

Tensor Tensor::transpose(int a, int b) const {
  const int first = checked_axis(shape_, a);
  const int second = checked_axis(shape_, b);
  Tensor result = *this;
  std::array<std::int64_t, Shape::kMaxRank> sizes{};
  std::copy(shape_.begin(), shape_.end(), sizes.begin());
  std::swap(sizes[static_cast<std::size_t>(first)], sizes[static_cast<std::size_t>(second)]);
  result.shape_ = shape_of(sizes, rank());
  std::swap(result.strides_[static_cast<std::size_t>(first)],
            result.strides_[static_cast<std::size_t>(second)]);
  return result;
}

Tensor Tensor::as_strided(const Shape& shape, std::span<const std::int64_t> strides,
                          std::int64_t offset) const {
  LAMINA_REQUIRE(defined(), "[tensor] the tensor is undefined");
  LAMINA_REQUIRE(static_cast<int>(strides.size()) == shape.rank(),
                 "[tensor] {} strides for a shape of rank {}", strides.size(), shape.rank());
  checked_nbytes(shape, dtype_);  // a stride of 0 can name more elements than there are bytes
  const std::int64_t available = storage_->size_bytes() / size_of(dtype_);
  std::optional<std::int64_t> last = offset;  // flat index of the last element
  for (int axis = 0; axis < shape.rank() && last; ++axis) {
    const std::int64_t stride = strides[static_cast<std::size_t>(axis)];
    LAMINA_REQUIRE(stride >= 0, "[tensor] stride {} of axis {} is negative", stride, axis);
    const auto reach = checked_mul(stride, std::max<std::int64_t>(shape[axis] - 1, 0));
    last = reach ? checked_add(*last, *reach) : std::nullopt;
  }
  const bool fits =
      offset >= 0 && last && (shape.numel() == 0 ? *last <= available : *last < available);
  LAMINA_REQUIRE(
      fits, "[tensor] shape {} with strides [{}] and offset {} leaves a storage of {} elements",
      shape, fmt::join(strides, ", "), offset, available);
  Tensor result = *this;
  result.shape_ = shape;
  // A stride that is never taken may be any number; arithmetic on the one kept cannot overflow.
  result.strides_ = contiguous_strides(shape);
  for (int axis = 0; axis < shape.rank() && shape.numel() > 0; ++axis) {
    const auto at = static_cast<std::size_t>(axis);
    if (shape[axis] > 1) result.strides_[at] = strides[at];
  }
  result.offset_ = offset;
  return result;
}

}  // namespace lamina
