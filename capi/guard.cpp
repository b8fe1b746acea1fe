#include "capi/guard.h"

#include <lamina/core/error.h>
#include <lamina/core/log.h>
#include <lamina/core/version.h>
#include <lamina/models/download.h>
#include <lamina/models/vgg.h>

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <new>
#include <string>

namespace lamina::capi {
namespace {

struct LastError {
  std::string text, hint;
};

LastError& last_error() {
  thread_local LastError error;
  return error;
}

lamina_status keep(lamina_status status, std::string_view text, std::string_view hint) noexcept {
  LastError& error = last_error();
  try {
    error.text = text;
    error.hint = hint;
  } catch (...) {  // no memory for the text: what fits into the string itself
    error.text = "out of memory";
    error.hint.clear();
  }
  return status;
}

lamina_status status_of(const Error& error) {
  if (dynamic_cast<const InvalidArgument*>(&error) != nullptr) return LAMINA_ERROR_INVALID_ARGUMENT;
  if (dynamic_cast<const Unsupported*>(&error) != nullptr) return LAMINA_ERROR_UNSUPPORTED;
  if (dynamic_cast<const models::WeightsNotFound*>(&error) != nullptr) {
    return LAMINA_ERROR_WEIGHTS_NOT_FOUND;
  }
  if (dynamic_cast<const IoError*>(&error) != nullptr) return LAMINA_ERROR_IO;
  if (dynamic_cast<const FormatError*>(&error) != nullptr) return LAMINA_ERROR_FORMAT;
  if (dynamic_cast<const StateDictError*>(&error) != nullptr) return LAMINA_ERROR_STATE_DICT;
  if (dynamic_cast<const models::DownloadError*>(&error) != nullptr) return LAMINA_ERROR_DOWNLOAD;
  if (dynamic_cast<const DeviceError*>(&error) != nullptr) return LAMINA_ERROR_DEVICE;
  return LAMINA_ERROR_INTERNAL;
}

}  // namespace

lamina_status keep_error(lamina_status status, std::string_view text) noexcept {
  return keep(status, text, {});
}

lamina_status keep_current_exception() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return keep(status_of(error), error.what(), error.hint());
  } catch (const std::bad_alloc&) {
    return keep(LAMINA_ERROR_OUT_OF_MEMORY, "out of memory", {});
  } catch (const std::exception& error) {
    return keep(LAMINA_ERROR_INTERNAL, error.what(), {});
  } catch (...) {
    return keep(LAMINA_ERROR_INTERNAL, "an unknown error", {});
  }
}

void require_pointer(const void* pointer, const char* function, const char* parameter) {
  if (pointer == nullptr)
    throw InvalidArgument(fmt::format("[{}] {} is null", function, parameter));
}

}  // namespace lamina::capi

using lamina::capi::last_error;

const char* lamina_status_name(lamina_status status) {
  constexpr std::array kNames{"LAMINA_OK",
                              "LAMINA_ERROR_INVALID_ARGUMENT",
                              "LAMINA_ERROR_UNSUPPORTED",
                              "LAMINA_ERROR_IO",
                              "LAMINA_ERROR_FORMAT",
                              "LAMINA_ERROR_STATE_DICT",
                              "LAMINA_ERROR_WEIGHTS_NOT_FOUND",
                              "LAMINA_ERROR_DOWNLOAD",
                              "LAMINA_ERROR_DEVICE",
                              "LAMINA_ERROR_OUT_OF_MEMORY",
                              "LAMINA_ERROR_BUSY",
                              "LAMINA_ERROR_INTERNAL"};
  const auto index = static_cast<std::size_t>(status);
  return index < kNames.size() ? kNames[index] : "an unknown status";
}

const char* lamina_last_error() { return last_error().text.c_str(); }
const char* lamina_last_hint() { return last_error().hint.c_str(); }
const char* lamina_version() { return lamina::version(); }
int lamina_c_api_version() { return LAMINA_C_API_VERSION; }

void lamina_set_log(void (*callback)(lamina_log_level, const char*, void*), void* user) {
  // The only thing that can fail is memory for the callback: then the old one stays.
  lamina::capi::guard([&] {
    if (callback == nullptr) return lamina::set_log_callback({});
    lamina::set_log_callback([=](lamina::LogLevel level, std::string_view text) {
      callback(static_cast<lamina_log_level>(level), std::string(text).c_str(), user);
    });
  });
}
