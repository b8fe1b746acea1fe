#include "triton/api.h"

#include <lamina/core/error.h>

#include <new>

namespace lamina::triton {
namespace {

TRITONSERVER_Error_Code code_of(const Error& error) {
  if (dynamic_cast<const InvalidArgument*>(&error) != nullptr) {
    return TRITONSERVER_ERROR_INVALID_ARG;
  }
  if (dynamic_cast<const Unsupported*>(&error) != nullptr) return TRITONSERVER_ERROR_UNSUPPORTED;
  if (dynamic_cast<const IoError*>(&error) != nullptr) return TRITONSERVER_ERROR_NOT_FOUND;
  if (dynamic_cast<const DeviceError*>(&error) != nullptr) return TRITONSERVER_ERROR_UNAVAILABLE;
  return TRITONSERVER_ERROR_INTERNAL;
}

}  // namespace

void check(TRITONSERVER_Error* error) {
  if (error == nullptr) return;
  const ServerError copy(TRITONSERVER_ErrorCode(error), TRITONSERVER_ErrorMessage(error));
  TRITONSERVER_ErrorDelete(error);
  throw copy;
}

TRITONSERVER_Error* current_error() {
  try {
    throw;
  } catch (const ServerError& error) {
    return TRITONSERVER_ErrorNew(error.code(), error.what());
  } catch (const Error& error) {
    std::string text = error.what();
    if (!error.hint().empty()) text += " (" + error.hint() + ")";
    return TRITONSERVER_ErrorNew(code_of(error), text.c_str());
  } catch (const std::bad_alloc&) {
    return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_UNAVAILABLE, "[triton] out of memory");
  } catch (const std::exception& error) {
    return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_INTERNAL, error.what());
  } catch (...) {
    return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_INTERNAL, "[triton] unknown exception");
  }
}

void log(TRITONSERVER_LogLevel level, const std::string& text) noexcept {
  TRITONSERVER_Error* error =
      TRITONSERVER_LogMessage(level, "lamina", 0, text.c_str());  // the place says nothing
  if (error != nullptr) TRITONSERVER_ErrorDelete(error);
}

void log_and_drop(TRITONSERVER_Error* error) noexcept {
  if (error == nullptr) return;
  log(TRITONSERVER_LOG_ERROR, TRITONSERVER_ErrorMessage(error));
  TRITONSERVER_ErrorDelete(error);
}

}  // namespace lamina::triton
