#include "kernels/cuda/emulator/shared_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace lamina::kernels::cuda::emulator {
namespace {

constexpr std::int64_t kCapacity = 228 * 1024;  // of a multiprocessor of compute capability 9.0
constexpr std::int64_t kAlign = 1024;
constexpr std::int16_t kSeveral = -2;  // readers
constexpr int kWarp = 32;

// Whether an earlier access by another thread is ordered before this moment.
bool is_ordered(std::uint32_t event, int thread, const Moment& moment) {
  if (thread == moment.thread || event <= moment.block_synced) return true;
  return thread >= 0 && thread / kWarp == moment.thread / kWarp && event <= moment.warp_synced;
}

}  // namespace

SharedMemory::SharedMemory() : memory_(kCapacity + kAlign), cells_(kCapacity) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
  base_ = memory_.data() + (kAlign - address % kAlign) % kAlign;
}

void SharedMemory::reset(std::int64_t dynamic_bytes) {
  // All ones are NaN in every floating-point type.
  std::memset(base_, 0xff, static_cast<std::size_t>(std::max(end_, dynamic_bytes)));
  std::fill_n(cells_.begin(), std::max(end_, dynamic_bytes), Cell{});
  dynamic_bytes_ = end_ = dynamic_bytes;
}

char* SharedMemory::allocate(std::int64_t size_bytes) {
  const std::int64_t begin = (end_ + 127) / 128 * 128;
  if (begin + size_bytes > kCapacity) return nullptr;
  std::memset(base_ + begin, 0xff, static_cast<std::size_t>(size_bytes));
  std::fill_n(cells_.begin() + begin, size_bytes, Cell{});
  end_ = begin + size_bytes;
  return base_ + begin;
}

SharedMemory::Cell* SharedMemory::cells(const void* address, int size_bytes) {
  const std::int64_t offset = static_cast<const char*>(address) - base_;
  if (offset < 0 || offset + size_bytes > end_) return nullptr;
  return &cells_[static_cast<std::size_t>(offset)];
}

std::string SharedMemory::read(const void* address, int size_bytes, const Moment& moment) {
  Cell* const cell = cells(address, size_bytes);
  if (cell == nullptr) return "reads outside the block's shared memory";
  for (int i = 0; i < size_bytes; ++i) {
    Cell& byte = cell[i];
    if (byte.writer < 0) return "reads shared memory that was never written";
    if (!is_ordered(byte.written, byte.writer, moment)) {
      return fmt::format(
          "race: reads shared memory that thread {} wrote, without a barrier between", byte.writer);
    }
    const bool alone = byte.reader == -1 || is_ordered(byte.read, byte.reader, moment);
    byte.reader = alone ? static_cast<std::int16_t>(moment.thread) : kSeveral;
    byte.read = moment.now;
  }
  return {};
}

std::string SharedMemory::write(const void* address, int size_bytes, const Moment& moment) {
  Cell* const cell = cells(address, size_bytes);
  if (cell == nullptr) return "writes outside the block's shared memory";
  for (int i = 0; i < size_bytes; ++i) {
    Cell& byte = cell[i];
    if (byte.writer >= 0 && !is_ordered(byte.written, byte.writer, moment)) {
      return fmt::format(
          "race: writes shared memory that thread {} wrote, without a barrier between",
          byte.writer);
    }
    if (byte.reader != -1 && !is_ordered(byte.read, byte.reader, moment)) {
      return fmt::format(
          "race: writes shared memory that {} read, without a barrier between",
          byte.reader == kSeveral ? "several threads" : fmt::format("thread {}", byte.reader));
    }
    byte.writer = static_cast<std::int16_t>(moment.thread);
    byte.written = moment.now;
  }
  return {};
}

}  // namespace lamina::kernels::cuda::emulator
