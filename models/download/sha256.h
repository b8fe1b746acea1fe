// SHA-256, by which a downloaded file is known.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace lamina::models::detail {

/// Bytes in any number of pieces; the digest is that of all of them.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::span<const std::byte> bytes);
  /// 64 lower-case hexadecimal digits. The last call.
  std::string hex_digest();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lamina::models::detail
