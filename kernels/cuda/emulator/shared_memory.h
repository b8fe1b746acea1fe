// A block's shared memory, and who last touched each byte of it: how races and reads of what was
// never written are found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lamina::kernels::cuda::emulator {

/// Where an access stands among the barriers of its block. Events are numbered; what happened
/// before `block_synced` is ordered before this moment for all threads, what happened before
/// `warp_synced` for those of the same warp.
struct Moment {
  int thread = 0;
  std::uint32_t now = 0, block_synced = 0, warp_synced = 0;
};

class SharedMemory {
 public:
  SharedMemory();

  /// A new block: everything is given back; `dynamic_bytes` are the launch's.
  void reset(std::int64_t dynamic_bytes);
  /// Memory for a static array. Null where the block has no more.
  char* allocate(std::int64_t size_bytes);
  char* dynamic() { return base_; }
  std::int64_t dynamic_bytes() const { return dynamic_bytes_; }

  /// Both record the access and give "" or what is wrong with it.
  std::string read(const void* address, int size_bytes, const Moment& moment);
  std::string write(const void* address, int size_bytes, const Moment& moment);

 private:
  struct Cell {
    std::uint32_t written = 0, read = 0;  // events; 0 for never
    std::int16_t writer = -1;
    std::int16_t reader = -1;  // a thread, or one of the constants of the .cpp
  };

  Cell* cells(const void* address, int size_bytes);

  std::vector<char> memory_;
  std::vector<Cell> cells_;
  char* base_;
  std::int64_t dynamic_bytes_ = 0, end_ = 0;
};

}  // namespace lamina::kernels::cuda::emulator
