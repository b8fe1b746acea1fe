#include "tests/kernels/cuda/device_array.h"

#include "kernels/cuda/e4m3.h"

#include <cmath>
#include <cstring>
#include <sstream>

namespace lamina::kernels::cuda {
namespace {

constexpr float kSentinel = -12288;  // exact, and nobody's result; in e4m3 its largest

std::uint32_t next(std::uint32_t& state) {
  state = state * 1664525u + 1013904223u;
  return state >> 8;
}

std::vector<char> encode(Element element, const std::vector<float>& values) {
  std::vector<char> bytes(values.size() * static_cast<std::size_t>(bytes_of(element)));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (bytes_of(element) == 4) {
      const float value = rounded_to(element, values[i]);
      std::memcpy(&bytes[4 * i], &value, 4);
    } else if (element == Element::e4m3) {
      const E4m3 number = to_e4m3(values[i]);
      std::memcpy(&bytes[i], &number, 1);
    } else {
      const std::uint16_t bits =
          element == Element::f16 ? to_half(values[i]).bits : to_bfloat16(values[i]).bits;
      std::memcpy(&bytes[2 * i], &bits, 2);
    }
  }
  return bytes;
}

std::vector<float> decode(Element element, const std::vector<char>& bytes) {
  std::vector<float> values(bytes.size() / static_cast<std::size_t>(bytes_of(element)));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (bytes_of(element) == 4) {
      std::memcpy(&values[i], &bytes[4 * i], 4);
    } else if (element == Element::e4m3) {
      values[i] = from_e4m3({static_cast<std::uint8_t>(bytes[i])});
    } else {
      std::uint16_t bits = 0;
      std::memcpy(&bits, &bytes[2 * i], 2);
      values[i] = element == Element::f16 ? to_float(Half{bits}) : to_float(BFloat16{bits});
    }
  }
  return values;
}

}  // namespace

float rounded_to(Element element, float value) {
  switch (element) {
    case Element::f16: return to_float(to_half(value));
    case Element::bf16: return to_float(to_bfloat16(value));
    case Element::e4m3: return from_e4m3(to_e4m3(value));
    case Element::tf32: {
      if (!std::isfinite(value)) return value;
      int exponent = 0;
      std::frexp(value, &exponent);
      const float unit = std::ldexp(1.0f, exponent - 11);
      return std::round(value / unit) * unit;
    }
    default: return value;
  }
}

std::vector<float> rounded_to(Element element, std::vector<float> values) {
  for (float& value : values) value = rounded_to(element, value);
  return values;
}

DeviceMemory upload_bytes(const void* bytes, std::int64_t size_bytes) {
  DeviceMemory memory(size_bytes);
  Stream stream;
  upload(memory.data(), bytes, size_bytes, stream);
  stream.synchronize();
  return memory;
}

DeviceArray::DeviceArray(Element element, const std::vector<float>& values)
    : element_(element), count_(static_cast<std::int64_t>(values.size())) {
  std::vector<float> guarded(kGuard, kSentinel);
  guarded.insert(guarded.end(), values.begin(), values.end());
  guarded.insert(guarded.end(), kGuard, kSentinel);
  const std::vector<char> bytes = encode(element, guarded);
  memory_ = upload_bytes(bytes.data(), static_cast<std::int64_t>(bytes.size()));
}

DeviceArray DeviceArray::untouched(Element element, std::int64_t count) {
  return DeviceArray(element, std::vector<float>(static_cast<std::size_t>(count), kSentinel));
}

std::vector<float> DeviceArray::read_all() const {
  std::vector<char> bytes(static_cast<std::size_t>(memory_.size_bytes()));
  Stream stream;
  download(bytes.data(), memory_.data(), memory_.size_bytes(), stream);
  return decode(element_, bytes);
}

std::vector<float> DeviceArray::read() const {
  const std::vector<float> all = read_all();
  return {all.begin() + kGuard, all.begin() + kGuard + count_};
}

std::string DeviceArray::complaint() const {
  const std::vector<float> all = read_all();
  const float sentinel = rounded_to(element_, kSentinel);
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(all.size()); ++i) {
    const bool is_guard = i < kGuard || i >= kGuard + count_;
    if (!is_guard || all[static_cast<std::size_t>(i)] == sentinel) continue;
    return "element " + std::to_string(i - kGuard) + " of " + std::to_string(count_) +
           " was written";
  }
  return {};
}

std::string difference(const std::vector<float>& actual, const std::vector<float>& expected,
                       float bound) {
  if (actual.size() != expected.size()) return "sizes differ";
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const bool both_nan = std::isnan(actual[i]) && std::isnan(expected[i]);
    const bool equal = actual[i] == expected[i];  // infinities too
    if (both_nan || equal || std::abs(actual[i] - expected[i]) <= bound) continue;
    std::ostringstream text;
    text << "element " << i << " of " << actual.size() << " is " << actual[i] << ", expected "
         << expected[i] << " within " << bound;
    return text.str();
  }
  return {};
}

std::string difference(const DeviceArray& actual, const std::vector<float>& expected, float bound) {
  const std::string complaint = actual.complaint();
  return complaint.empty() ? difference(actual.read(), expected, bound) : complaint;
}

std::vector<float> whole_numbers(std::int64_t count, int range, std::uint32_t seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::uint32_t state = seed * 2654435761u + 1;
  for (float& value : values) {
    value = static_cast<float>(
        static_cast<int>(next(state) % (2 * static_cast<unsigned>(range) + 1)) - range);
  }
  return values;
}

std::vector<float> reals(std::int64_t count, std::uint32_t seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::uint32_t state = seed * 2654435761u + 1;
  for (float& value : values) value = static_cast<float>(next(state)) / (1 << 23) - 1.0f;
  return values;
}

}  // namespace lamina::kernels::cuda
