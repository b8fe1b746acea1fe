#include <lamina/core/device.h>

#include "core/require.h"

#include <charconv>

namespace lamina {

std::string to_string(Device device) {
  return device.type == DeviceType::cpu ? "cpu" : fmt::format("cuda:{}", device.index);
}

Device parse_device(std::string_view text) {
  if (text == "cpu") return {DeviceType::cpu, 0};
  if (text == "cuda") return {DeviceType::cuda, 0};
  constexpr std::string_view kPrefix = "cuda:";
  if (text.starts_with(kPrefix)) {
    const std::string_view digits = text.substr(kPrefix.size());
    int index = -1;
    const auto result = std::from_chars(digits.begin(), digits.end(), index);
    if (result.ec == std::errc() && result.ptr == digits.end() && index >= 0) {
      return {DeviceType::cuda, index};
    }
  }
  throw InvalidArgument(fmt::format("[device] '{}' is not a device", text),
                        "devices are 'cpu', 'cuda' and 'cuda:N'");
}

}  // namespace lamina
