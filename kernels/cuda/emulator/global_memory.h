// Device memory: what is allocated, which bytes of it hold something, and which blocks of a launch
// touched them.
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

/// The block that runs on this host thread. Numbers count over all launches; the launch's own comes
/// before those of its blocks. Zeros: no kernel runs.
struct Visitor {
  std::uint32_t launch = 0, block = 0;
  /// The first launch that may not have ended: this one, or of a thread that has not waited for the
  /// kernel before, the first of its chain.
  std::uint32_t running_since = 0;
};
void set_visitor(const Visitor& visitor);

namespace detail {

/// The blocks that last wrote and read a piece of device memory. A reader that is a launch's number
/// stands for several of its blocks.
struct Visits {
  std::uint32_t writer = 0, reader = 0;
};

/// The allocation that this thread touched last. Accesses come in runs: most need no search.
struct LastTouched {
  const char* begin = nullptr;
  const char* end = nullptr;
  char* written = nullptr;   // one flag for each byte
  Visits* visits = nullptr;  // one for each piece; null where the allocation is not watched
  int piece_bytes = 4;
  std::uint64_t version = 0;
};

extern thread_local constinit LastTouched last_touched;
extern thread_local constinit Visitor visitor;
extern std::atomic<std::uint64_t> allocations_version;  // changes with every allocation and release
/// Looks for the allocation around the address; false where there is none.
bool touch(const void* address);
/// From here on the allocation that was touched last is watched in pieces no larger than this.
void split_pieces(int piece_bytes);

inline bool locate(const char* at, std::int64_t size_bytes) {
  const LastTouched& last = last_touched;
  const bool known = last.version == allocations_version.load(std::memory_order_relaxed) &&
                     at >= last.begin && at < last.end;
  if (!known && !touch(at)) return false;
  return at + size_bytes <= last_touched.end;
}

constexpr std::uint64_t kAllWritten = 0x0101010101010101u;

inline bool is_written(const char* flags, int size_bytes) {
  int i = 0;
  for (; i + 8 <= size_bytes; i += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, flags + i, 8);
    if (eight != kAllWritten) return false;
  }
  for (; i < size_bytes; ++i) {
    if (flags[i] == 0) return false;
  }
  return true;
}

// Whether another block came here that may still run.
inline bool is_foreign(std::uint32_t earlier) {
  return earlier >= visitor.running_since && earlier != visitor.block;
}

/// Leaves a trace of this block; false where another block's forbids the access.
template <bool kWrites>
bool visit(const char* at, int size_bytes) {
  if (last_touched.visits == nullptr) return true;
  std::int64_t offset = at - last_touched.begin;
  const std::int64_t bits = offset | size_bytes;
  const auto whole = static_cast<int>(bits & -bits);
  if (whole < last_touched.piece_bytes) [[unlikely]]
    split_pieces(whole);
  const int piece_bytes = last_touched.piece_bytes;
  Visits* visits = last_touched.visits + offset / piece_bytes;
  for (int done = 0; done < size_bytes; done += piece_bytes, ++visits) {
    if (is_foreign(visits->writer)) return false;
    if (kWrites) {
      if (is_foreign(visits->reader)) return false;
      visits->writer = visitor.block;
    } else {
      visits->reader = is_foreign(visits->reader) ? visitor.launch : visitor.block;
    }
  }
  return true;
}

}  // namespace detail

inline void set_running_since(std::uint32_t launch) { detail::visitor.running_since = launch; }

/// For kernels: as above, and no other block that may still run may write what this one reads or
/// writes, nor read what it writes.
template <int kBytes>
bool read_global(const void* address) {
  const auto* const at = static_cast<const char*>(address);
  if (!detail::locate(at, kBytes)) return false;
  const detail::LastTouched& last = detail::last_touched;
  return detail::is_written(last.written + (at - last.begin), kBytes) &&
         detail::visit<false>(at, kBytes);
}

template <int kBytes>
bool write_global(const void* address) {
  const auto* const at = static_cast<const char*>(address);
  if (!detail::locate(at, kBytes)) return false;
  std::memset(detail::last_touched.written + (at - detail::last_touched.begin), 1, kBytes);
  return detail::visit<true>(at, kBytes);
}

}  // namespace lamina::kernels::cuda::emulator
