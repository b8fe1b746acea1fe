#include "python/src/errors.h"

#include <lamina/core/error.h>
#include <lamina/models/download.h>
#include <lamina/models/vgg.h>

namespace lamina::python {
namespace {

namespace nb = nanobind;

// Most derived classes first.
const char* class_of(const Error& error) {
  if (dynamic_cast<const InvalidArgument*>(&error)) return "InvalidArgument";
  if (dynamic_cast<const Unsupported*>(&error)) return "Unsupported";
  if (dynamic_cast<const models::WeightsNotFound*>(&error)) return "WeightsNotFound";
  if (dynamic_cast<const IoError*>(&error)) return "IoError";
  if (dynamic_cast<const StateDictError*>(&error)) return "StateDictError";
  if (dynamic_cast<const CudaError*>(&error)) return "CudaError";
  if (dynamic_cast<const DeviceError*>(&error)) return "DeviceError";
  if (dynamic_cast<const FormatError*>(&error)) return "FormatError";
  if (dynamic_cast<const models::DownloadError*>(&error)) return "DownloadError";
  return "Error";
}

// A message may quote a path, which is bytes.
nb::object text(const std::string& bytes) {
  return nb::steal(
      PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "surrogateescape"));
}

void raise(const Error& error) {
  const nb::object type = nb::module_::import_("lamina.errors").attr(class_of(error));
  const nb::object value = type(text(error.what()));
  if (!error.hint().empty()) {
    value.attr("hint") = text(error.hint());
    // Python 3.11 shows it below the traceback.
    if (nb::hasattr(value, "add_note")) value.attr("add_note")(text("hint: " + error.hint()));
  }
  if (const auto* format = dynamic_cast<const FormatError*>(&error)) {
    value.attr("code") = to_string(format->code());
  }
  PyErr_SetObject(type.ptr(), value.ptr());
}

}  // namespace

void bind_errors(nb::module_&) {
  nb::register_exception_translator([](const std::exception_ptr& pointer, void*) {
    try {
      std::rethrow_exception(pointer);
    } catch (const Error& error) {
      raise(error);
    }
  });
}

}  // namespace lamina::python
