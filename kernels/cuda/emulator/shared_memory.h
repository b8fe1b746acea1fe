// A block's shared memory, and who last touched each piece of it: how races, reads of what was
// never written, and copies that were not waited for are found.
#pragma once

#include "kernels/cuda/emulator/clocks.h"
#include "kernels/cuda/emulator/warp_order.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace lamina::kernels::cuda::emulator {

/// Where an access stands among the barriers of its block. Barriers are numbered events; what any
/// thread did up to event `block_synced` is ordered before this moment, and what another lane of
/// the same warp did up to `warp_seen[lane]`, and any thread or mbarrier's copies up to
/// `clock[it]`.
struct Moment {
  int thread;
  std::uint32_t now, block_synced;
  const WarpOrder::Row& warp_seen;
  const std::uint32_t* clock = nullptr;  // null: knows nothing more
  int threads = 0;
};

class SharedMemory {
 public:
  /// What one block of a device of compute capability 9.0 may have.
  static constexpr std::int64_t kCapacity = 227 * 1024;

  SharedMemory();

  /// A new block: everything is given back; `dynamic_bytes` are the launch's. Requires: no more
  /// than kCapacity.
  void reset(std::int64_t dynamic_bytes);
  /// Memory for a static array, the same at each call. Null where the block has no more.
  char* allocate(const void* array, std::int64_t size_bytes);
  char* dynamic() { return base_; }
  /// Where the block's shared memory begins, as its own addresses count.
  const char* base() const { return base_; }
  std::int64_t dynamic_bytes() const { return dynamic_bytes_; }

  /// Record the access; false where it is wrong, and complaint() then says why.
  bool read(const void* address, int size_bytes, const Moment& moment) {
    Cell* const cell = cells(address, size_bytes);
    if (cell == nullptr) return false;
    const int count = cell_count(address, size_bytes);
    for (int i = 0; i < count; ++i) {
      Cell& at = cell[i];
      if (at.writer < 0 || !is_ordered(at.written, at.writer, moment)) return false;
      at.reader = readers_after(at, moment);
      at.read = moment.now;
    }
    return true;
  }
  bool write(const void* address, int size_bytes, const Moment& moment) {
    Cell* const cell = cells(address, size_bytes);
    if (cell == nullptr) return false;
    if (!async_reads_.empty() && !may_overwrite(address, size_bytes, moment)) return false;
    const int count = cell_count(address, size_bytes);
    for (int i = 0; i < count; ++i) {
      if (!may_write(cell[i], moment)) return false;
      cell[i].writer = static_cast<std::int16_t>(moment.thread);
      cell[i].written = moment.now;
    }
    return true;
  }
  /// Whether what lies there was written, and before this moment; leaves no trace.
  bool sees(const void* address, int size_bytes, const Moment& moment);
  /// A copy to there is under way: until it has landed nobody may touch the place.
  bool begin_copy(const void* address, int size_bytes, const Moment& moment);
  void land_copy(const void* address, int size_bytes, const Moment& moment);
  /// The same for a copy that lands on a mbarrier: at an event, for whoever waits for it.
  void land_on_mbarrier(const void* address, int size_bytes, int mbarrier, std::uint32_t event);

  /// The copy engine and the tensor cores read by themselves, on a thread's account. Whether they
  /// may: what threads wrote needs a fence behind it, proxy_fences[thread] its event.
  bool read_async(const void* address, int size_bytes, const Moment& moment,
                  const std::uint32_t* proxy_fences);
  /// Such a read goes on until end_read(): meanwhile nobody may write there. Reads of the same
  /// place on the same thread's account are one.
  void begin_read(const void* address, int size_bytes, int thread);
  void end_read(const void* address, int thread, std::uint32_t event);

  /// Why the access that was just refused is wrong.
  std::string complaint(bool writes, const void* address, int size_bytes,
                        const Moment& moment) const;

 private:
  // Of two bytes, the smallest element that kernels keep in shared memory.
  struct Cell {
    std::uint32_t written = 0, read = 0;  // events
    std::int16_t writer = kNobody, reader = kNobody;
  };
  // Who else than a thread a cell may name: down from kSeveralOfWarp stand several lanes of warp 0,
  // of warp 1, and so on; up from kFirstMbarrier the copies of each mbarrier.
  static constexpr std::int16_t kNobody = -1, kSeveral = -2, kCopy = -3, kSeveralOfWarp = -16,
                                kFirstMbarrier = 1024;
  static constexpr int kCellBytes = 2;

  static int warp_of(int who) {
    return who >= 0 ? who / kWarp : who <= kSeveralOfWarp ? kSeveralOfWarp - who : -1;
  }
  // Whether earlier accesses, the last of them at this event, are ordered before this moment.
  static bool is_ordered(std::uint32_t event, int who, const Moment& moment) {
    if (who == moment.thread) return true;
    if (event <= moment.block_synced && who < kFirstMbarrier) return true;
    if (warp_of(who) == moment.thread / kWarp &&
        event <= moment.warp_seen[static_cast<std::size_t>(who >= 0 ? who % kWarp : kWarp)]) {
      return true;
    }
    return moment.clock != nullptr && is_known(event, who, moment);
  }
  static bool is_known(std::uint32_t event, int who, const Moment& moment);
  // A read on the account of `thread` that goes on (event kGoesOn) or ended at an event.
  struct AsyncRead {
    std::int64_t begin, end;
    int thread;
    std::uint32_t event;
  };
  static constexpr std::uint32_t kGoesOn = 0xffffffffu;
  // Whether no such read forbids writing.
  bool may_overwrite(const void* address, int size_bytes, const Moment& moment) const;
  // Readers before are forgotten only where a barrier has ordered them.
  static std::int16_t readers_after(const Cell& cell, const Moment& moment) {
    if (cell.reader == kNobody || is_ordered(cell.read, cell.reader, moment)) {
      return static_cast<std::int16_t>(moment.thread);
    }
    const int warp = moment.thread / kWarp;
    return warp_of(cell.reader) == warp ? static_cast<std::int16_t>(kSeveralOfWarp - warp)
                                        : kSeveral;
  }
  static bool may_write(const Cell& cell, const Moment& moment) {
    if (cell.writer == kCopy) return false;
    if (cell.writer >= 0 && !is_ordered(cell.written, cell.writer, moment)) return false;
    return cell.reader == kNobody || is_ordered(cell.read, cell.reader, moment);
  }
  Cell* cells(const void* address, int size_bytes) {
    const std::int64_t offset = static_cast<const char*>(address) - base_;
    if (offset < 0 || offset + size_bytes > end_) return nullptr;
    return &cells_[static_cast<std::size_t>(offset / kCellBytes)];
  }
  int cell_count(const void* address, int size_bytes) const {
    const auto odd = static_cast<int>((static_cast<const char*>(address) - base_) % kCellBytes);
    return (size_bytes + odd + kCellBytes - 1) / kCellBytes;
  }

  std::vector<char> memory_;
  std::vector<Cell> cells_;
  std::vector<AsyncRead> async_reads_;
  std::vector<std::pair<const void*, char*>> arrays_;
  char* base_;
  std::int64_t dynamic_bytes_ = 0, end_ = 0;
};

}  // namespace lamina::kernels::cuda::emulator
