#include "python/src/arrays.h"

#include <lamina/core/error.h>

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace lamina::python {
namespace {

using AnyArray = nb::ndarray<nb::ro>;

// NumPy's notation; bf16 as its bits.
const char* typestr(DType dtype) {
  switch (dtype) {
    case DType::f32: return "<f4";
    case DType::f64: return "<f8";
    case DType::f16: return "<f2";
    case DType::bf16: return "<u2";
    case DType::i8: return "|i1";
    case DType::u8: return "|u1";
    case DType::i16: return "<i2";
    case DType::i32: return "<i4";
    case DType::i64: return "<i8";
    case DType::boolean: return "|b1";
  }
  return "";
}

std::optional<DType> dtype_of_array(nb::dlpack::dtype dtype) {
  using Code = nb::dlpack::dtype_code;
  if (dtype.lanes != 1) return std::nullopt;
  const auto is = [&](Code code, int bits) {
    return dtype.code == static_cast<std::uint8_t>(code) && dtype.bits == bits;
  };
  if (is(Code::Float, 32)) return DType::f32;
  if (is(Code::Float, 64)) return DType::f64;
  if (is(Code::Float, 16)) return DType::f16;
  if (is(Code::Bfloat, 16)) return DType::bf16;
  if (is(Code::Int, 8)) return DType::i8;
  if (is(Code::UInt, 8)) return DType::u8;
  if (is(Code::Int, 16)) return DType::i16;
  if (is(Code::Int, 32)) return DType::i32;
  if (is(Code::Int, 64)) return DType::i64;
  if (is(Code::Bool, 8)) return DType::boolean;
  return std::nullopt;
}

nb::module_ numpy() { return nb::module_::import_("numpy"); }

bool is_numpy_array(nb::handle object) {
  static PyObject* const type = nb::object(numpy().attr("ndarray")).release().ptr();
  return PyObject_IsInstance(object.ptr(), type) == 1;
}

// ml_dtypes.bfloat16, or None.
nb::object bfloat16() {
  try {
    return nb::module_::import_("ml_dtypes").attr("bfloat16");
  } catch (const nb::python_error& error) {
    if (!error.matches(PyExc_ImportError)) throw;
    return nb::none();
  }
}

nb::tuple shape_tuple(const Shape& shape) {
  nb::list sizes;
  for (const std::int64_t size : shape) sizes.append(size);
  return nb::tuple(sizes);
}

nb::dict array_interface(const ArrayBase& base) {
  nb::dict result;
  result["version"] = 3;
  result["shape"] = shape_tuple(base.tensor.shape());
  result["typestr"] = typestr(base.tensor.dtype());
  result["data"] =
      nb::make_tuple(reinterpret_cast<std::uintptr_t>(base.tensor.raw_data()), base.read_only);
  if (!base.tensor.is_contiguous()) {
    nb::list strides;
    for (const std::int64_t stride : base.tensor.strides()) {
      strides.append(stride * size_of(base.tensor.dtype()));
    }
    result["strides"] = nb::tuple(strides);
  }
  return result;
}

// The tensor that an array of ours views, if it is such an array and still all of that tensor.
std::optional<Tensor> own_tensor(nb::handle array, const AnyArray& view) {
  nb::object base = nb::borrow(array);
  while (is_numpy_array(base)) base = base.attr("base");
  const ArrayBase* ours = nullptr;
  if (!nb::try_cast(base, ours) || ours == nullptr) return std::nullopt;
  const Tensor& tensor = ours->tensor;
  bool same = view.data() == tensor.raw_data() &&
              view.ndim() == static_cast<std::size_t>(tensor.rank()) &&
              view.itemsize() == static_cast<std::size_t>(size_of(tensor.dtype()));
  for (std::size_t axis = 0; same && axis < view.ndim(); ++axis) {
    same = view.shape(axis) == static_cast<std::size_t>(tensor.shape().begin()[axis]) &&
           (view.shape(axis) == 1 || view.stride(axis) == tensor.strides()[axis]);
  }
  const auto dtype = dtype_of_array(view.dtype());
  const bool same_dtype = dtype ? *dtype == tensor.dtype() : tensor.dtype() == DType::bf16;
  return same && same_dtype ? std::optional(tensor) : std::nullopt;
}

std::string kind_of(nb::handle object) { return nb::cast<std::string>(nb::inst_name(object)); }

// What the array's own library says of why it cannot be shared: torch's "requires grad", say.
std::string reason_of(nb::handle object) {
  if (!nb::hasattr(object, "__dlpack__")) return "";
  try {
    object.attr("__dlpack__")();
  } catch (const nb::python_error& error) {
    return std::string(": ") + nb::str(error.value()).c_str();
  }
  return "";
}

AnyArray import_array(nb::handle object, const char* what) {
  AnyArray view;
  if (!nb::try_cast(object, view)) {
    throw InvalidArgument(std::string("[python] ") + what + ": a " + kind_of(object) +
                          " cannot be read as an array" + reason_of(object));
  }
  if (view.device_type() != nb::device::cpu::value) {
    throw InvalidArgument(std::string("[python] ") + what + " is not in the processor's memory",
                          "move it there first: x.cpu()");
  }
  return view;
}

// Laid out so that a tensor can view it.
bool can_be_viewed(const AnyArray& view) {
  for (std::size_t axis = 0; axis < view.ndim(); ++axis) {
    if (view.stride(axis) < 0) return false;
  }
  return reinterpret_cast<std::uintptr_t>(view.data()) % view.itemsize() == 0;
}

// The array lives as long as the tensor, which may die on any thread.
std::shared_ptr<void> owner_of(AnyArray view) {
  return {new AnyArray(std::move(view)), [](void* pointer) {
            if (!Py_IsInitialized()) return;
            const nb::gil_scoped_acquire acquire;
            delete static_cast<AnyArray*>(pointer);
          }};
}

Tensor view_of(const AnyArray& view, DType dtype) {
  std::vector<std::int64_t> sizes, strides;
  for (std::size_t axis = 0; axis < view.ndim(); ++axis) {
    sizes.push_back(static_cast<std::int64_t>(view.shape(axis)));
    strides.push_back(view.stride(axis));
  }
  const Shape shape{std::span<const std::int64_t>(sizes)};
  if (shape.numel() == 0) return Tensor::empty(shape, dtype);
  std::int64_t reach = 0;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis)
    reach += (sizes[axis] - 1) * strides[axis];
  return Tensor::wrap(view.data(), {reach + 1}, dtype, owner_of(view))
      .as_strided(shape, strides, 0);
}

}  // namespace

nb::object to_numpy(const Tensor& tensor, bool read_only) {
  nb::object array;
  if (tensor.numel() == 0) {  // there may be no address
    array = numpy().attr("empty")(shape_tuple(tensor.shape()), typestr(tensor.dtype()));
  } else {
    array = numpy().attr("asarray")(nb::cast(ArrayBase{tensor, read_only}));
  }
  if (tensor.dtype() != DType::bf16) return array;
  const nb::object type = bfloat16();
  return type.is_none() ? array : array.attr("view")(type);
}

Tensor from_array(nb::handle given, const char* what) {
  nb::object array = nb::borrow(given);
  bool bits = false;  // of bf16
  if (is_numpy_array(given)) {
    bits = nb::cast<std::string>(given.attr("dtype").attr("name")) == "bfloat16";
    if (bits) array = array.attr("view")("u2");
  }
  AnyArray view = import_array(array, what);
  if (const auto own = own_tensor(given, view)) return *own;
  const auto dtype = bits ? DType::bf16 : dtype_of_array(view.dtype());
  if (!dtype) {
    const nb::object name = nb::getattr(given, "dtype", nb::none());
    throw InvalidArgument(std::string("[python] ") + what + " is " + nb::str(name).c_str() +
                              ", a dtype that Lamina has not",
                          "there are float16/32/64, bfloat16, int8/16/32/64, uint8, bool");
  }
  if (!can_be_viewed(view)) {
    array = numpy().attr("array")(array, nb::arg("order") = "C");
    view = import_array(array, what);
  }
  return view_of(view, *dtype);
}

nb::dict to_dict(const StateDict& state) {
  nb::dict dict;
  for (const auto& [name, tensor] : state) dict[name.c_str()] = to_numpy(tensor, true);
  return dict;
}

StateDict from_dict(const nb::dict& dict) {
  StateDict state;
  for (const auto [key, value] : dict) {
    std::string name;
    if (!nb::try_cast(key, name)) {
      throw InvalidArgument("[python] a name in the state dict is a " + kind_of(key) +
                            ", not a str");
    }
    Tensor tensor = from_array(value, ("'" + name + "'").c_str());
    state.insert(std::move(name), std::move(tensor));
  }
  return state;
}

void bind_arrays(nb::module_& module) {
  nb::class_<ArrayBase>(module, "ArrayBase", "Keeps the memory of the arrays that Lamina gives.")
      .def_prop_ro("__array_interface__", &array_interface);
}

}  // namespace lamina::python
