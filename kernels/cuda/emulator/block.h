// One block of a launch: its threads as fibers, its barriers, its warps' common operations, and who
// is running now.
#pragma once

#include "kernels/cuda/emulator/faults.h"
#include "kernels/cuda/emulator/fiber.h"
#include "kernels/cuda/emulator/language.h"
#include "kernels/cuda/emulator/shared_memory.h"

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lamina::kernels::cuda::emulator {

struct LaunchShape {
  const char* kernel;
  dim3 grid;
  dim3 block;
  int smem_bytes = 0;
};

/// What a thread waits for.
enum class Wait : std::uint8_t { nothing, block_barrier, warp, exited };

/// An operation of a warp: `lanes[i]` is what lane i brought, null for a lane that takes no part.
using WarpAction = void (*)(void* const* lanes);

/// What a lane brings to an operation of its warp.
struct WarpCall {
  unsigned mask;  ///< the lanes that take part; each must name the same
  void* brought;
  WarpAction action;  ///< null: a barrier
  const char* operation;
  bool aligned = false;  ///< all lanes must come by the same line
};

/// A cp.async: where to, where from (null: zeros), how much, and of which group.
struct AsyncCopy {
  char* to;
  const char* from;
  int size_bytes;
  int group;
};

struct Thread {
  void* stack_pointer = nullptr;
  dim3 index;
  int number = 0;  // within the block; lane = number % 32
  Wait wait = Wait::nothing;
  Where where{};  // of the wait
  WarpCall call{};
  // Copies that were not waited for, and the group that is being filled.
  std::vector<AsyncCopy> copies = {};
  int group = 0;
};

struct Warp {
  WarpOrder order;
  unsigned waiting = 0;  ///< lanes that wait for others of the warp
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
  /// Waits for the lanes of the mask, then the last of them acts for all.
  void warp_operation(const WarpCall& call, Where where);

  // cp.async, of the running thread.
  void begin_copy(char* to, const char* from, int size_bytes, Where where);
  void commit_copies(Where where);
  /// Lands all but the newest `newest` groups.
  void wait_for_copies(int newest, Where where);

  /// Throws in the running thread.
  [[noreturn]] void fail(const std::string& what, Where where) const;

  const Thread& thread() const { return *running_; }
  dim3 index() const { return index_; }
  const LaunchShape& shape() const { return shape_; }
  SharedMemory& shared() { return *shared_; }
  /// Numbers blocks over all launches: static shared arrays tell by it that a block is new.
  std::uint64_t serial() const { return serial_; }
  Moment moment() const {
    return {.thread = running_->number,
            .now = events_,
            .block_synced = block_synced_,
            .warp_seen = warps_[static_cast<std::size_t>(running_->number / kWarp)].order.of(
                running_->number % kWarp)};
  }
  /// Throws where the launch has taken more steps than it may.
  void count_step();

 private:
  // A copy may fetch its source when it is issued or when it is waited for: odd seeds and even.
  bool lands_at_once() const { return seed_ % 2 == 1; }
  static void enter();
  void yield();
  /// Runs every thread that can; whether there was one.
  bool run_ready();
  void release_block_barrier();
  void act_if_complete(std::size_t warp);
  [[noreturn]] void report_deadlock();
  std::string place(const Thread& thread) const;

  LaunchShape shape_;
  std::function<void()> body_;
  std::uint64_t seed_, launch_serial_, serial_ = 0;
  std::vector<std::unique_ptr<FiberStack>> stacks_;
  std::vector<Thread> threads_;
  std::vector<int> order_;
  std::unique_ptr<SharedMemory> shared_;
  std::vector<Warp> warps_;
  std::uint32_t events_ = 1, block_synced_ = 0;
  std::int64_t steps_ = 0;
  dim3 index_;
  Thread* running_ = nullptr;
  void* scheduler_ = nullptr;
  std::exception_ptr error_;
};

extern thread_local constinit Block* running_block;

/// The block that runs on this host thread. Requires: the caller is a kernel.
inline Block& current_block() { return *running_block; }

}  // namespace lamina::kernels::cuda::emulator
