// Tensors as NumPy arrays, and arrays of any library as tensors; the elements are never copied
// where they can be shared.
#pragma once

#include <lamina/core/state_dict.h>
#include <lamina/core/tensor.h>

#include <nanobind/nanobind.h>

namespace lamina::python {

namespace nb = nanobind;

/// What an array that we hand out has as its base: it keeps the tensor's memory, be it a mapped
/// file, and tells us that memory again when the array comes back.
struct ArrayBase {
  Tensor tensor;
  bool read_only;
};

/// A view of the tensor. bf16, which NumPy lacks, is ml_dtypes.bfloat16 where that is installed,
/// and else its bits as uint16.
nb::object to_numpy(const Tensor& tensor, bool read_only);

/// An array as a tensor that shares its memory, and keeps it for as long as it lives itself.
/// `what` is what messages call it. Arrays whose strides are negative are copied.
/// Errors:   InvalidArgument for what is no array, is on another device, or has a dtype that the
///           library has not
Tensor from_array(nb::handle array, const char* what);

nb::dict to_dict(const StateDict& state);
/// Errors:   InvalidArgument, also for names that are no strings; the message names the tensor
StateDict from_dict(const nb::dict& dict);

void bind_arrays(nb::module_& module);

}  // namespace lamina::python
