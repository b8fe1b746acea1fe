// What each source of this folder adds to the module.
#pragma once

#include <nanobind/nanobind.h>

namespace lamina::python {

void bind_models(nanobind::module_& module);
void bind_session(nanobind::module_& module);
void bind_vision(nanobind::module_& module);

}  // namespace lamina::python
