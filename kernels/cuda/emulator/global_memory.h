// Device memory: what is allocated, and which bytes of it hold something.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>

namespace lamina::kernels::cuda::emulator {

/// Aligned to 256 bytes, full of NaN, and known as not initialised. Null where there is no more.
void* allocate_global(std::int64_t size_bytes);
void free_global(void* data);
std::int64_t global_bytes_in_use();

/// Whether the address lies in device memory.
bool is_global(const void* address);

/// Whether these bytes may be read: inside one allocation, and written before.
bool read_global(const void* address, std::int64_t size_bytes);
/// Whether these bytes may be written; they count as written from then on.
bool write_global(const void* address, std::int64_t size_bytes);
/// Why the access that was just refused is wrong.
std::string global_complaint(bool writes, const void* address, std::int64_t size_bytes);

namespace detail {

/// The allocation that this thread touched last. Accesses come in runs: most need no search.
struct LastTouched {
  const char* begin = nullptr;
  const char* end = nullptr;
  char* written = nullptr;  // one flag for each byte
  std::uint64_t version = 0;
};

extern thread_local constinit LastTouched last_touched;
extern std::atomic<std::uint64_t> allocations_version;  // changes with every allocation and release
/// Looks for the allocation around the address; false where there is none.
bool touch(const void* address);

inline bool locate(const char* at, std::int64_t size_bytes) {
  const LastTouched& last = last_touched;
  const bool known = last.version == allocations_version.load(std::memory_order_relaxed) &&
                     at >= last.begin && at < last.end;
  if (!known && !touch(at)) return false;
  return at + size_bytes <= last_touched.end;
}

constexpr std::uint64_t kAllWritten = 0x0101010101010101u;

}  // namespace detail

template <int kBytes>
bool read_global(const void* address) {
  const auto* const at = static_cast<const char*>(address);
  if (!detail::locate(at, kBytes)) return false;
  const char* const flags = detail::last_touched.written + (at - detail::last_touched.begin);
  if constexpr (kBytes % 8 == 0) {
    std::uint64_t all = detail::kAllWritten;
    for (int i = 0; i < kBytes; i += 8) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, flags + i, 8);
      all &= eight;
    }
    return all == detail::kAllWritten;
  } else {
    for (int i = 0; i < kBytes; ++i) {
      if (flags[i] == 0) return false;
    }
    return true;
  }
}

template <int kBytes>
bool write_global(const void* address) {
  const auto* const at = static_cast<const char*>(address);
  if (!detail::locate(at, kBytes)) return false;
  std::memset(detail::last_touched.written + (at - detail::last_touched.begin), 1, kBytes);
  return true;
}

}  // namespace lamina::kernels::cuda::emulator
