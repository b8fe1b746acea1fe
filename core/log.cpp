#include "core/log_line.h"

#include <mutex>
#include <utility>

namespace lamina {
namespace {

struct Sink {
  std::mutex mutex;
  LogCallback callback;
};

Sink& sink() {
  static Sink instance;
  return instance;
}

}  // namespace

void set_log_callback(LogCallback callback) {
  const std::lock_guard lock(sink().mutex);
  sink().callback = std::move(callback);
}

void log(LogLevel level, std::string_view message) {
  const std::lock_guard lock(sink().mutex);
  if (sink().callback) sink().callback(level, message);
}

}  // namespace lamina
