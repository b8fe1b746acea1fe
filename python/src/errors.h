// The library's errors as the classes of lamina/errors.py.
#pragma once

#include <nanobind/nanobind.h>

namespace lamina::python {

void bind_errors(nanobind::module_& module);

}  // namespace lamina::python
