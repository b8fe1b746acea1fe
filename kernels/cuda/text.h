// Messages of the CUDA backend. Nothing here needs a library, so that the device tests build from
// kernels/ and core/ with a CUDA toolkit alone.
#pragma once

#include <cstdint>
#include <cstdio>
#include <sstream>
#include <string>

namespace lamina::kernels::cuda {

/// All parts, one after the other, as operator<< writes them.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream stream;
  (stream << ... << parts);
  return stream.str();
}

/// "512 B", "1.5 MiB", "79.1 GiB".
inline std::string bytes_text(std::int64_t size_bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(size_bytes);
  int unit = 0;
  for (; value >= 1024 && unit < 4; ++unit) value /= 1024;
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return buffer;
}

}  // namespace lamina::kernels::cuda
