// XXH3-64, the checksum of the container, and its text form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lamina::serialization {

/// XXH3-64 with seed 0 of bytes that come in pieces; the pieces do not change the result.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;

  void update(std::span<const std::byte> bytes);
  std::uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::uint64_t checksum_of(std::span<const std::byte> bytes);

/// Sixteen lower-case hexadecimal digits, most significant first.
std::string checksum_text(std::uint64_t checksum);
/// The inverse; nothing for any other text.
std::optional<std::uint64_t> parse_checksum(std::string_view text);

}  // namespace lamina::serialization
