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
}

char* SharedMemory::allocate(std::int64_t size_bytes) {
  const std::int64_t begin = (end_ + 127) / 128 * 128;
  if (begin + size_bytes > kCapacity) return nullptr;
  std::memset(base_ + begin, 0xff, static_cast<std::size_t>(size_bytes));
  std::fill_n(cells_.begin() + begin / kCellBytes, (size_bytes + 1) / kCellBytes, Cell{});
  end_ = begin + size_bytes;
  return base_ + begin;
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

std::string SharedMemory::complaint(bool writes, const void* address, int size_bytes,
                                    const Moment& moment) const {
  const char* const verb = writes ? "writes" : "reads";
  const std::int64_t offset = static_cast<const char*>(address) - base_;
  if (offset < 0 || offset + size_bytes > end_) {
    return fmt::format("{} outside the block's shared memory: bytes {} to {} of {}", verb, offset,
                       offset + size_bytes - 1, end_);
  }
  const auto first = static_cast<std::size_t>(offset / kCellBytes);
  for (int i = 0; i < cell_count(address, size_bytes); ++i) {
    const Cell& cell = cells_[first + static_cast<std::size_t>(i)];
    if (cell.writer == kCopy) {
      return fmt::format("{} shared memory to which a copy is under way that nobody waited for",
                         verb);
    }
    if (cell.writer == kNobody && !writes) return "reads shared memory that was never written";
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
  return "cannot be";
}

}  // namespace lamina::kernels::cuda::emulator
