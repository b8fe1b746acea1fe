// One block of a launch: its threads as fibers, its barriers, and who is running now.
#pragma once

#include "kernels/cuda/emulator/fiber.h"
#include "kernels/cuda/emulator/language.h"
#include "kernels/cuda/emulator/shared_memory.h"

#include <exception>
#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

namespace lamina::kernels::cuda::emulator {

using Where = std::source_location;

struct LaunchShape {
  const char* kernel;
  dim3 grid;
  dim3 block;
  int smem_bytes = 0;
};

/// What a thread waits for.
enum class Wait : std::uint8_t { nothing, block_barrier, warp_barrier, exited };

struct Thread {
  void* stack_pointer = nullptr;
  dim3 index;
  int number = 0;  // within the block; lane = number % 32
  Wait wait = Wait::nothing;
  unsigned mask = 0;  // of a warp barrier
  Where where{};      // of the wait
};

/// Runs the blocks of one launch, one after another, on this host thread.
class Block {
 public:
  /// `seed` shuffles the order in which threads run.
  Block(const LaunchShape& shape, std::function<void()> body, std::uint64_t seed);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  /// Runs one block to its end. Errors: CudaError that names kernel, block, thread and line.
  void run(dim3 index);

  void sync_threads(Where where);
  void sync_warp(unsigned mask, Where where);

  /// Throws in the running thread.
  [[noreturn]] void fail(const std::string& what, Where where) const;

  const Thread& thread() const { return *running_; }
  dim3 index() const { return index_; }
  const LaunchShape& shape() const { return shape_; }
  SharedMemory& shared() { return shared_; }
  /// Counts blocks over all launches: static shared arrays tell by it that a block is new.
  std::uint64_t serial() const { return serial_; }
  Moment moment() const;

 private:
  static void enter();
  void yield();
  /// Runs every thread that can; whether there was one.
  bool run_ready();
  void release_block_barrier();
  bool release_warp_barriers();
  [[noreturn]] void report_deadlock();
  std::string place(const Thread& thread) const;

  LaunchShape shape_;
  std::function<void()> body_;
  std::uint64_t seed_, serial_ = 0;
  std::vector<std::unique_ptr<FiberStack>> stacks_;
  std::vector<Thread> threads_;
  std::vector<int> order_;
  SharedMemory shared_;
  std::vector<std::uint32_t> warp_synced_;
  std::uint32_t events_ = 1, block_synced_ = 0;
  dim3 index_;
  Thread* running_ = nullptr;
  void* scheduler_ = nullptr;
  std::exception_ptr error_;
};

/// The block that runs on this host thread. Requires: the caller is a kernel.
Block& current_block();

}  // namespace lamina::kernels::cuda::emulator
