// Bytes with an owner: heap memory, a mapped file, or memory of the caller's.
#pragma once

#include <lamina/core/device.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace lamina {

/// Alignment of memory that the library allocates: a cache line, and one AVX-512 vector.
inline constexpr std::size_t kAlignment = 64;

class MappedFile;

class Storage {
 public:
  /// Uninitialised memory on the heap. Throws std::bad_alloc; FormatError inside an
  /// AllocationLimit.
  static std::shared_ptr<Storage> allocate(std::int64_t size_bytes);
  /// Zeros. A large piece costs nothing until it is touched: the kernel hands out zero pages.
  static std::shared_ptr<Storage> allocate_zeroed(std::int64_t size_bytes);

  Storage(void* data, std::int64_t size_bytes, bool read_only, std::shared_ptr<void> owner)
      : data_(data), size_bytes_(size_bytes), read_only_(read_only), owner_(std::move(owner)) {}

  void* data() const noexcept { return data_; }
  std::int64_t size_bytes() const noexcept { return size_bytes_; }
  bool read_only() const noexcept { return read_only_; }
  Device device() const noexcept { return {}; }

  /// The bytes are a part of that file, which the owner keeps open.
  void set_file(const MappedFile* file) noexcept { file_ = file; }
  /// Somebody has a copy of his own of the bytes [offset, offset + size_bytes): if they are a
  /// file's, they leave this process's memory until they are read again. Else nothing happens.
  void release(std::int64_t offset, std::int64_t size_bytes) const noexcept;

  /// See core/derived.h.
  std::shared_ptr<const void> derived(const std::string& key,
                                      const std::function<std::shared_ptr<const void>()>& make);
  void forget_derived() noexcept;

 private:
  void* data_;
  std::int64_t size_bytes_;
  bool read_only_;
  std::shared_ptr<void> owner_;
  const MappedFile* file_ = nullptr;
  std::mutex derived_mutex_;
  std::map<std::string, std::weak_ptr<const void>> derived_;
};

/// While one lives, the storages that its thread allocates may take `size_bytes` in all; the one
/// that goes beyond throws FormatError limit. For readers that build something from sizes which a
/// file states and the file's length has not proved yet. Limits nest: the innermost counts alone.
class AllocationLimit {
 public:
  explicit AllocationLimit(std::int64_t size_bytes);
  ~AllocationLimit();
  AllocationLimit(const AllocationLimit&) = delete;
  AllocationLimit& operator=(const AllocationLimit&) = delete;

  /// Takes the bytes off this thread's limit, if it has one.
  static void charge(std::int64_t size_bytes);

 private:
  std::int64_t left_bytes_;
  AllocationLimit* outer_;
};

}  // namespace lamina
