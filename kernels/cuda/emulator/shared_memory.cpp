#include "kernels/cuda/emulator/shared_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace lamina::kernels::cuda::emulator {
namespace {

constexpr std::int64_t kAlign = 1024;

}  // namespace

SharedMemory::SharedMemory() : memory_(kCapacity + kAlign), cells_(kCapacity / kCellBytes + 8) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
  base_ = memory_.data() + (kAlign - address % kAlign) % kAlign;
}

void SharedMemory::reset(std::int64_t dynamic_bytes) {
  const std::int64_t used = std::max(end_, dynamic_bytes);
  // All ones are NaN in every floating-point type.
  std::memset(base_, 0xff, static_cast<std::size_t>(used));
  std::fill_n(cells_.begin(), used / kCellBytes + 1, Cell{});
  dynamic_bytes_ = end_ = dynamic_bytes;
  async_reads_.clear();
  arrays_.clear();
}

char* SharedMemory::allocate(const void* array, std::int64_t size_bytes) {
  for (const auto& [known, place] : arrays_) {
    if (known == array) return place;
  }
  const std::int64_t begin = (end_ + 127) / 128 * 128;
  if (begin + size_bytes > kCapacity) return nullptr;
  std::memset(base_ + begin, 0xff, static_cast<std::size_t>(size_bytes));
  std::fill_n(cells_.begin() + begin / kCellBytes, (size_bytes + 1) / kCellBytes, Cell{});
  end_ = begin + size_bytes;
  arrays_.emplace_back(array, base_ + begin);
  return base_ + begin;
}

bool SharedMemory::sees(const void* address, int size_bytes, const Moment& moment) {
  const Cell* const cell = cells(address, size_bytes);
  if (cell == nullptr) return false;
  return std::all_of(cell, cell + cell_count(address, size_bytes), [&](const Cell& at) {
    return at.writer >= 0 && is_ordered(at.written, at.writer, moment);
  });
}

bool SharedMemory::begin_copy(const void* address, int size_bytes, const Moment& moment) {
  if (!write(address, size_bytes, moment)) return false;
  Cell* const cell = cells(address, size_bytes);
  for (int i = 0; i < cell_count(address, size_bytes); ++i) {
    cell[i].writer = kCopy;
    cell[i].reader = kNobody;
  }
  return true;
}

void SharedMemory::land_copy(const void* address, int size_bytes, const Moment& moment) {
  Cell* const cell = cells(address, size_bytes);
  for (int i = 0; i < cell_count(address, size_bytes); ++i) {
    cell[i].writer = static_cast<std::int16_t>(moment.thread);
    cell[i].written = moment.now;
  }
}

void SharedMemory::land_on_mbarrier(const void* address, int size_bytes, int mbarrier,
                                    std::uint32_t event) {
  Cell* const cell = cells(address, size_bytes);
  for (int i = 0; i < cell_count(address, size_bytes); ++i) {
    cell[i].writer = static_cast<std::int16_t>(kFirstMbarrier + mbarrier);
    cell[i].written = event;
  }
}

// Accesses of several threads are known where each of them is known so far.
bool SharedMemory::is_known(std::uint32_t event, int who, const Moment& moment) {
  if (who == kNobody || who == kCopy) return false;
  int begin = 0, end = moment.threads;
  if (who >= kFirstMbarrier) {
    begin = moment.threads + who - kFirstMbarrier;
    end = begin + 1;
  } else if (who >= 0) {
    begin = who;
    end = who + 1;
  } else if (who <= kSeveralOfWarp) {
    begin = warp_of(who) * kWarp;
    end = std::min(begin + kWarp, moment.threads);
  }
  for (int i = begin; i < end; ++i) {
    if (i != moment.thread && moment.clock[i] < event) return false;
  }
  return true;
}

bool SharedMemory::read_async(const void* address, int size_bytes, const Moment& moment,
                              const std::uint32_t* proxy_fences) {
  const Cell* const cell = cells(address, size_bytes);
  if (cell == nullptr) return false;
  for (int i = 0; i < cell_count(address, size_bytes); ++i) {
    const int writer = cell[i].writer;
    if (writer < 0 || !is_ordered(cell[i].written, writer, moment)) return false;
    if (writer < kFirstMbarrier && cell[i].written > proxy_fences[writer]) return false;
  }
  return true;
}

void SharedMemory::begin_read(const void* address, int size_bytes, int thread) {
  const std::int64_t begin = static_cast<const char*>(address) - base_;
  for (AsyncRead& read : async_reads_) {
    if (read.begin == begin && read.thread == thread) {
      read.event = kGoesOn;
      read.end = std::max(read.end, begin + size_bytes);
      return;
    }
  }
  async_reads_.push_back({begin, begin + size_bytes, thread, kGoesOn});
}

void SharedMemory::end_read(const void* address, int thread, std::uint32_t event) {
  const std::int64_t begin = static_cast<const char*>(address) - base_;
  for (AsyncRead& read : async_reads_) {
    if (read.begin == begin && read.thread == thread) read.event = event;
  }
}

bool SharedMemory::may_overwrite(const void* address, int size_bytes, const Moment& moment) const {
  const std::int64_t begin = static_cast<const char*>(address) - base_;
  return std::none_of(async_reads_.begin(), async_reads_.end(), [&](const AsyncRead& read) {
    const bool overlaps = read.begin < begin + size_bytes && begin < read.end;
    return overlaps && (read.event == kGoesOn || !is_ordered(read.event, read.thread, moment));
  });
}

std::string SharedMemory::complaint(bool writes, const void* address, int size_bytes,
                                    const Moment& moment) const {
  const char* const verb = writes ? "writes" : "reads";
  const std::int64_t offset = static_cast<const char*>(address) - base_;
  if (offset < 0 || offset + size_bytes > end_) {
    return fmt::format("{} outside the block's shared memory: bytes {} to {} of {}", verb, offset,
                       offset + size_bytes - 1, end_);
  }
  if (writes && !may_overwrite(address, size_bytes, moment)) {
    return "race: writes shared memory that the tensor cores or the copy engine may still read";
  }
  const auto first = static_cast<std::size_t>(offset / kCellBytes);
  for (int i = 0; i < cell_count(address, size_bytes); ++i) {
    const Cell& cell = cells_[first + static_cast<std::size_t>(i)];
    if (cell.writer == kCopy) {
      return fmt::format("{} shared memory to which a copy is under way that nobody waited for",
                         verb);
    }
    if (cell.writer == kNobody && !writes) return "reads shared memory that was never written";
    if (cell.writer >= kFirstMbarrier && !is_ordered(cell.written, cell.writer, moment)) {
      return fmt::format("{} what a copy brought, without waiting for its mbarrier", verb);
    }
    if (cell.writer >= 0 && !is_ordered(cell.written, cell.writer, moment)) {
      return fmt::format("race: {} shared memory that thread {} wrote, without a barrier between",
                         verb, cell.writer);
    }
    if (writes && cell.reader != kNobody && !is_ordered(cell.read, cell.reader, moment)) {
      return fmt::format(
          "race: writes shared memory that {} read, without a barrier between",
          cell.reader < 0 ? "several threads" : fmt::format("thread {}", cell.reader));
    }
  }
  return "reads asynchronously what a thread wrote, without fence_proxy_async() behind the writing";
}

}  // namespace lamina::kernels::cuda::emulator
