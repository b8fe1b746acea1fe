// Where a tensor lives and a session runs.
#pragma once

#include <lamina/core/export.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace lamina {

enum class DeviceType : std::uint8_t { cpu, cuda };

struct Device {
  DeviceType type = DeviceType::cpu;
  int index = 0;

  bool operator==(const Device&) const = default;
};

/// "cpu", "cuda:0"
LAMINA_API std::string to_string(Device device);

/// Reads "cpu", "cuda", "cuda:N". Throws InvalidArgument for anything else ("auto" is resolved by
/// the session, which knows what is there).
LAMINA_API Device parse_device(std::string_view text);

}  // namespace lamina
