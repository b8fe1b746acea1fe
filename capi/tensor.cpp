#include "capi/guard.h"
#include "capi/handles.h"
#include "core/checked_math.h"
#include "core/require.h"

#include <algorithm>
#include <cstdint>

namespace lamina::capi {
namespace {

static_assert(LAMINA_MAX_RANK == Shape::kMaxRank);
static_assert(LAMINA_F32 == static_cast<int>(DType::f32));
static_assert(LAMINA_BOOL == static_cast<int>(DType::boolean));

void check_tensor(const lamina_tensor& t, const char* function) {
  LAMINA_REQUIRE(t.rank >= 0 && t.rank <= LAMINA_MAX_RANK, "[{}] a tensor of rank {}, at most {}",
                 function, t.rank, LAMINA_MAX_RANK);
  LAMINA_REQUIRE(t.dtype >= LAMINA_F32 && t.dtype <= LAMINA_BOOL, "[{}] unknown dtype {}", function,
                 t.dtype);
}

// Elements from the first to the last that the strides reach, both included.
std::int64_t reach_of(const Shape& shape, std::span<const std::int64_t> strides,
                      const char* function) {
  if (shape.numel() == 0) return 0;
  std::int64_t reach = 1;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const std::int64_t stride = strides[static_cast<std::size_t>(axis)];
    LAMINA_REQUIRE(stride >= 0, "[{}] stride {} of axis {}: strides are 0 or more", function,
                   stride, axis);
    const auto step = checked_mul(stride, shape[axis] - 1);
    const auto sum = step ? checked_add(reach, *step) : step;
    LAMINA_REQUIRE(sum.has_value(), "[{}] strides reach beyond 64 bits", function);
    reach = *sum;
  }
  return reach;
}

}  // namespace

Tensor to_tensor(const lamina_tensor* tensor, const char* function) {
  require_pointer(tensor, function, "the tensor");
  check_tensor(*tensor, function);
  const auto rank = static_cast<std::size_t>(tensor->rank);
  const Shape shape(std::span<const std::int64_t>(tensor->shape, rank));
  const std::span<const std::int64_t> strides(tensor->strides, rank);
  const std::int64_t reach = reach_of(shape, strides, function);
  if (reach > 0) require_pointer(tensor->data, function, "the tensor's data");
  const auto dtype = static_cast<DType>(tensor->dtype);
  LAMINA_REQUIRE(reinterpret_cast<std::uintptr_t>(tensor->data) %
                         static_cast<std::uintptr_t>(size_of(dtype)) ==
                     0,
                 "[{}] the tensor's data is not aligned for {}", function, to_string(dtype));
  const Tensor memory = Tensor::wrap(tensor->data, Shape{reach}, dtype, nullptr);
  return shape.numel() == 0 ? memory.reshape(shape) : memory.as_strided(shape, strides, 0);
}

lamina_tensor to_c(const Tensor& tensor) {
  lamina_tensor result{};
  result.data = tensor.raw_data();
  result.dtype = static_cast<std::int32_t>(tensor.dtype());
  result.rank = tensor.rank();
  std::copy(tensor.shape().begin(), tensor.shape().end(), result.shape);
  std::copy(tensor.strides().begin(), tensor.strides().end(), result.strides);
  return result;
}

}  // namespace lamina::capi

lamina_status lamina_tensor_contiguous(const void* data, lamina_dtype dtype, int32_t rank,
                                       const int64_t* shape, lamina_tensor* tensor) {
  using namespace lamina;
  return capi::guard([&] {
    constexpr const char* kFunction = "lamina_tensor_contiguous";
    capi::require_pointer(tensor, kFunction, "tensor");
    lamina_tensor made{};
    made.data = data;
    made.dtype = dtype;
    made.rank = rank;
    capi::check_tensor(made, kFunction);
    if (rank > 0) capi::require_pointer(shape, kFunction, "shape");
    const Shape checked(std::span<const std::int64_t>(shape, static_cast<std::size_t>(rank)));
    std::int64_t stride = 1;
    for (int axis = rank - 1; axis >= 0; --axis) {
      made.shape[axis] = checked[axis];
      made.strides[axis] = stride;
      stride *= std::max<std::int64_t>(checked[axis], 1);
    }
    *tensor = made;
  });
}
