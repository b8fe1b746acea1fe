// One block of a launch: its threads as fibers, its barriers, its warps' common operations, and who
// is running now. block_cluster.h runs it.
#pragma once

#include "kernels/cuda/emulator/async_unit.h"
#include "kernels/cuda/emulator/clocks.h"
#include "kernels/cuda/emulator/faults.h"
#include "kernels/cuda/emulator/fiber.h"
#include "kernels/cuda/emulator/language.h"
#include "kernels/cuda/emulator/shared_memory.h"

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::kernels::cuda::emulator {

struct LaunchShape {
  const char* kernel;
  dim3 grid;
  dim3 block;
  int smem_bytes = 0;
  int cluster = 1;        ///< blocks that run at one time
  bool overlaps = false;  ///< starts before the kernel before has ended
};

/// What a thread waits for.
enum class Wait : std::uint8_t {
  nothing,
  block_barrier,
  cluster_barrier,
  warp,
  group,
  condition,
  exited
};

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

/// What a thread brings to an operation of its warpgroup; the last of the 128 acts for all.
struct GroupCall {
  void* brought;
  void (*action)(AsyncUnit& unit, int group, void* const* threads);
  const char* operation;
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
  GroupCall group_call{};
  std::function<bool()> is_ready = {};  // of a condition, called `waits_for`
  const char* waits_for = "";
  // Copies that were not waited for, and the group that is being filled.
  std::vector<AsyncCopy> copies = {};
  int group = 0;
  bool waited_for_kernel_before = false;
};

struct Warp {
  WarpOrder order;
  unsigned waiting = 0;  ///< lanes that wait for others of the warp
};

inline bool same_line(const Where& a, const Where& b) {
  return a.line() == b.line() && std::string_view(a.file_name()) == b.file_name();
}

/// All of a multiprocessor's; a launch gives each thread an equal share, in steps of 8.
inline constexpr int kRegistersOfBlock = 65536;
constexpr int most_registers(int threads) {
  return std::min(kRegistersOfBlock / threads / 8 * 8, 255);
}

struct NamedBarrier {
  int arrived = 0;
  std::uint32_t phase = 0;
  Clock clock;
};

class Cluster;

std::string text_of(dim3 at);

/// A launch's number, and that of the first of those that may run with it.
struct LaunchSerials {
  std::uint64_t launch, chain;
};

/// The blocks of one rank in their clusters, one after another.
class Block {
 public:
  /// `seed` shuffles the order in which threads run.
  Block(Cluster& cluster, int rank, const LaunchShape& shape, std::function<void()> body,
        std::uint64_t seed, const LaunchSerials& serials);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  // What its cluster does with it, from here...
  /// A new block, none of whose threads has run.
  void begin(dim3 index);
  /// Runs every thread that can; whether there was one. Throws what a thread threw.
  bool run_ready();
  /// Lands a copy that is under way; whether there was one.
  bool land_one();
  /// Whether all threads waited at the block's barrier. They go on.
  bool release_block_barrier();
  bool is_at_cluster_barrier() const;
  /// The cluster's barrier: adds what all threads know and did; they learn it, and go on.
  void tell_all(Clock& clock);
  void learn_all(const Clock& clock);
  bool has_ended() const { return ended_; }
  [[noreturn]] void report_deadlock() const;
  /// The cluster's barrier is waited for here, and not by the other block.
  [[noreturn]] void report_missing(const Block& other) const;
  // ...to here.

  void sync_threads(Where where);
  void sync_cluster(Where where);
  /// Waits for the lanes of the mask, then the last of them acts for all.
  void warp_operation(const WarpCall& call, Where where);
  /// The same for the 128 threads of a warpgroup, which must come by the same line.
  void group_operation(const GroupCall& call, Where where);
  /// A barrier of `count` threads under one of 16 names.
  void named_barrier(int name, int count, Where where);
  /// Registers that each thread of the running one's warp gives back or waits for.
  void set_registers(int count, Where where);
  void wait_until(const char* what, std::function<bool()> is_ready, Where where);
  void wait_for_kernel_before();

  // cp.async, of the running thread.
  void begin_copy(char* to, const char* from, int size_bytes, Where where);
  void commit_copies(Where where);
  /// Lands all but the newest `newest` groups.
  void wait_for_copies(int newest, Where where);

  /// Throws in the running thread.
  [[noreturn]] void fail(const std::string& what, Where where) const;

  const Thread& thread() const { return *running_; }
  dim3 index() const { return index_; }
  int rank() const { return rank_; }
  /// Another block of the cluster, or this one. Requires: rank < cluster_size().
  Block& peer(int rank) const;
  int cluster_size() const { return shape_.cluster; }
  /// What lies there in another block's shared memory as `address` in this one's.
  char* same_place(const char* address, Block& other) const {
    return other.shared_->dynamic() + (address - shared_->base());
  }
  const LaunchShape& shape() const { return shape_; }
  SharedMemory& shared() { return *shared_; }
  AsyncUnit& async() { return async_; }
  const Thread& thread_at(int number) const { return threads_[static_cast<std::size_t>(number)]; }
  int thread_count() const { return static_cast<int>(threads_.size()); }

  /// Adds to a clock what the running thread knows, and all it has done.
  void publish(Clock& clock);
  /// Adds what any of its threads knows.
  void gather(Clock& clock);
  /// The running thread learns what a clock says.
  void learn(const Clock& clock);
  Clock blank_clock() const { return clocks_.blank(); }
  /// The part of a clock that is about this block.
  std::uint32_t* part_of(Clock& clock) const { return clock.data() + clocks_.begin_of(rank_); }
  std::uint32_t next_event() { return events_++; }
  /// Errors from here on are this thread's, for work that goes on without it.
  void act_for(int number) { running_ = &threads_[static_cast<std::size_t>(number)]; }
  /// Numbers blocks over all launches: static shared arrays tell by it that a block is new.
  std::uint64_t serial() const { return serial_; }
  /// The first launch that may still run, as far as the running thread knows.
  std::uint32_t running_since() const {
    return static_cast<std::uint32_t>(running_->waited_for_kernel_before ? launch_serial_
                                                                         : chain_serial_);
  }
  Moment moment() const { return moment_of(running_->number); }
  Moment moment_of(int thread) const {
    return {.thread = thread,
            .now = events_,
            .block_synced = block_synced_,
            .warp_seen = warps_[static_cast<std::size_t>(thread / kWarp)].order.of(thread % kWarp),
            .clock = clocks_.of(thread, rank_),
            .threads = static_cast<int>(threads_.size())};
  }
  /// Where the running thread stands among the events of `other`, a block of its cluster.
  Moment moment_in(const Block& other);
  /// Throws where the launch has taken more steps than it may.
  void count_step();

 private:
  // A copy may fetch its source when it is issued or when it is waited for: odd seeds and even.
  bool lands_at_once() const { return seed_ % 2 == 1; }
  static void enter();
  void yield();
  /// What runs from here on is this block's.
  void activate();
  void end_if_all_exited();
  void act_if_complete(std::size_t warp);
  void meet(std::size_t warp, unsigned mask);
  std::string place(const Thread& thread) const;

  Cluster& cluster_;
  int rank_;
  LaunchShape shape_;
  std::function<void()> body_;
  std::uint64_t seed_, launch_serial_, chain_serial_, serial_ = 0;
  std::vector<std::unique_ptr<FiberStack>> stacks_;
  std::vector<Thread> threads_;
  std::vector<int> order_;
  std::unique_ptr<SharedMemory> shared_;
  std::vector<Warp> warps_;
  Clocks clocks_;
  AsyncUnit async_{*this};
  std::array<NamedBarrier, 16> named_barriers_;
  std::vector<int> registers_;  // a thread's, for each warp
  std::uint32_t events_ = 1, block_synced_ = 0;
  std::int64_t steps_ = 0;
  dim3 index_;
  bool ended_ = true;
  Thread* running_ = nullptr;
  void* scheduler_ = nullptr;
  std::exception_ptr error_;
};

extern thread_local constinit Block* running_block;

/// The block that runs on this host thread. Requires: the caller is a kernel.
inline Block& current_block() { return *running_block; }

}  // namespace lamina::kernels::cuda::emulator
