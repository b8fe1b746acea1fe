// What goes on in a block by itself: copies of the copy engine, the mbarriers they land on, and the
// products of warpgroups (compute capability 9.0).
#pragma once

#include "kernels/cuda/emulator/clocks.h"
#include "kernels/cuda/emulator/faults.h"
#include "kernels/cuda/emulator/tensor_map.h"

#include <array>
#include <cstdint>
#include <random>
#include <vector>

namespace lamina::kernels::cuda::emulator {

class Block;

inline constexpr int kWarpgroup = 128;

/// A mbarrier in shared memory: a phase ends when all arrivals and all expected bytes are there.
struct MbarrierState {
  const char* address = nullptr;
  int arrivals = 0, pending = 0;  // of each phase; still to come in this one
  std::int64_t bytes = 0;         // still to come; below zero where copies land before the arrival
  std::uint32_t phase = 0;        // that is going on
  bool fenced = false;            // the copy engine may use it
  Clock arriving = {}, released = {};  // what this phase's arrivals know; what a waiter learns
  Where touched{};                     // the last copy, or arrival of another block
};

/// A box of a tensor on its way from or to shared memory.
struct BoxCopy {
  TensorMap map;
  char* shared = nullptr;
  std::array<int, kMostDimensions> at{};  // the box's first element; may lie outside
  const char* mbarrier = nullptr;         // the one a load lands on; null: a store
  unsigned blocks = 0;                    // of the cluster, a bit each, to which a load goes
  int thread = 0;                         // that asked for it
  std::uint32_t running_since = 0;        // Visitor's, as that thread began it
  int group = 0;                          // of that thread's stores
  bool moved = false;                     // the bytes, not yet the right to touch them
  Where where{};
};

/// What the tensor cores read 32 bytes of a row as.
enum class Factor { tf32, f16, bf16, e4m3 };

/// d += a * b of one warpgroup: a [64] and b [n] rows of 32 bytes in shared memory.
struct GroupProduct {
  std::uint64_t a, b;  // descriptors
  int n;
  Factor factor;
  bool accumulates;  // else d = a * b
  std::array<float*, kWarpgroup> d;
  int group;  // of the warpgroup's commits
  bool done = false;
  Where where{};
};

class AsyncUnit {
 public:
  explicit AsyncUnit(Block& block) : block_(block) {}
  /// A new block of so many threads.
  void reset(int threads, std::uint64_t seed);
  /// Where something that the thread began is still going on, what; else null.
  const char* unfinished_of(int thread) const;
  /// Lands a copy that is under way, if there is one; for when no thread can go on.
  bool land_one();
  /// The block's threads have exited: nothing may come to its shared memory from here on.
  void check_end();

  void init_mbarrier(const char* address, int arrivals, Where where);
  void fence_mbarriers();
  /// One arrival of the running thread, which also announces bytes that copies will bring.
  void arrive(const char* address, std::int64_t expected_bytes, Where where);
  /// The same at the mbarrier that lies there in another block of the cluster.
  void arrive_at(int rank, const char* address, Where where);
  /// Waits until the phase of this parity has ended.
  void wait(const char* address, unsigned parity, Where where);

  /// To the same place of each block in `blocks`, on the same mbarrier of each.
  void load_box(BoxCopy copy, unsigned blocks, const char* mbarrier, Where where);
  void store_box(BoxCopy copy, Where where);
  void commit_stores(Where where);
  /// Waits until all but the running thread's newest `newest` groups of stores have read.
  void wait_for_stores(int newest, Where where);
  /// What the running thread wrote before is seen by the copy engine and the tensor cores.
  void fence_proxy(Where where);

  // Of a warpgroup, called once for all its threads by the one that came last.
  void fence_group(int group);
  void multiply(int group, GroupProduct product);
  void commit_products(int group);
  void wait_for_products(int group, int newest);

 private:
  struct Group {
    std::vector<GroupProduct> products;
    int committed = 0;
    bool fenced = false;
  };

  bool is_late() const { return seed_ % 2 == 0; }
  /// The mbarrier as the running thread of `by` sees it, a block of the cluster.
  MbarrierState& find(Block& by, const char* address, Where where);
  void arrive_from(Block& by, const char* address, std::int64_t expected_bytes, Where where);
  void end_phase_if_complete(MbarrierState& barrier);
  /// A box that `by` asked for will come here, and has come.
  void expect_box(Block& by, const BoxCopy& copy);
  void receive_box(const BoxCopy& copy);
  /// visit(block, address that corresponds) for each block to which the copy goes.
  template <typename Visit>
  void for_each_target(const BoxCopy& copy, const Visit& visit) const;
  void move(BoxCopy& copy);
  void land(BoxCopy& copy);
  template <typename Visit>
  void for_each_part(const BoxCopy& copy, const Visit& visit) const;
  void check_box(const BoxCopy& copy, Where where) const;
  // One warpgroup's product: its operands' places, the checks of reading them, the arithmetic.
  void begin_reads(int group, const GroupProduct& product);
  void end_reads(int group, const GroupProduct& product, std::uint32_t event);
  void check_reads(int group, const GroupProduct& product);
  void check_operand(int group, std::uint64_t descriptor, int rows, const GroupProduct& product);
  void compute(GroupProduct& product) const;

  Block& block_;
  std::uint64_t seed_ = 0;
  std::minstd_rand random_;
  std::vector<MbarrierState> mbarriers_;
  std::vector<BoxCopy> loads_, stores_;
  std::vector<int> store_groups_;            // each thread's, that is being filled
  std::vector<std::uint32_t> proxy_fences_;  // each thread's last
  std::vector<Group> groups_;
};

}  // namespace lamina::kernels::cuda::emulator
