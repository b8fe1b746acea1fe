// How threads of a block meet: barriers of all kinds, a warp's and a warpgroup's common operations,
// and what each learns of the others by it.
#include "kernels/cuda/emulator/block.h"
#include "kernels/cuda/emulator/block_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace lamina::kernels::cuda::emulator {

void Block::sync_threads(Where where) {
  count_step();
  if (is_faulty(SiteKind::barrier, where)) return;
  running_->wait = Wait::block_barrier;
  running_->where = where;
  yield();
}

void Block::sync_cluster(Where where) {
  count_step();
  if (is_faulty(SiteKind::barrier, where)) return;
  running_->wait = Wait::cluster_barrier;
  running_->where = where;
  yield();
}

Block& Block::peer(int rank) const { return cluster_.block(rank); }

void Block::warp_operation(const WarpCall& call, Where where) {
  count_step();
  const int lane = running_->number % kWarp;
  if ((call.mask >> lane & 1) == 0) {
    fail(fmt::format("{}: mask {:#010x} leaves out the calling lane", call.operation, call.mask),
         where);
  }
  running_->wait = Wait::warp;
  running_->where = where;
  running_->call = call;
  const auto warp = static_cast<std::size_t>(running_->number / kWarp);
  warps_[warp].waiting |= 1u << lane;
  if ((call.mask & ~warps_[warp].waiting) == 0) act_if_complete(warp);
  if (running_->wait != Wait::nothing) yield();
}

// The lane that comes last finds all others of its mask waiting; where they wait for the same as it
// does, it acts, and lets them go on.
void Block::act_if_complete(std::size_t warp) {
  const WarpCall& call = running_->call;
  void* lanes[kWarp] = {};
  Thread* const first = &threads_[warp * kWarp];
  for (int i = 0; i < kWarp; ++i) {
    if ((call.mask >> i & 1) == 0) continue;
    const WarpCall& other = first[i].call;
    if (other.mask != call.mask || other.action != call.action ||
        other.operation != call.operation) {
      return;
    }
    if (call.aligned && first[i].where.line() != running_->where.line()) return;
    lanes[i] = other.brought;
  }
  if (call.action != nullptr) {
    call.action(lanes);
  } else {
    meet(warp, call.mask);
  }
  for (int i = 0; i < kWarp; ++i) {
    if (call.mask >> i & 1) first[i].wait = Wait::nothing;
  }
  warps_[warp].waiting &= ~call.mask;
}

void Block::meet(std::size_t warp, unsigned mask) {
  warps_[warp].order.meet(mask, events_++);
  if (!clocks_.exist()) return;
  Clock all = clocks_.blank();
  const auto for_lanes = [&](const auto& visit) {
    for (int i = 0; i < kWarp; ++i) {
      if (mask >> i & 1) visit(clocks_.own(static_cast<int>(warp) * kWarp + i));
    }
  };
  for_lanes([&](const Clock& clock) { join(all, clock); });
  for_lanes([&](Clock& clock) { clock = all; });
}

void Block::group_operation(const GroupCall& call, Where where) {
  count_step();
  const int group = running_->number / kWarpgroup;
  Thread* const first = &threads_[static_cast<std::size_t>(group * kWarpgroup)];
  if ((group + 1) * kWarpgroup > thread_count()) fail("is of no whole warpgroup", where);
  running_->wait = Wait::group;
  running_->where = where;
  running_->group_call = call;
  void* threads[kWarpgroup];
  for (int i = 0; i < kWarpgroup; ++i) {
    const bool is_here = first[i].wait == Wait::group &&
                         first[i].group_call.action == call.action &&
                         same_line(first[i].where, where);
    if (!is_here) return yield();
    threads[i] = first[i].group_call.brought;
  }
  for (int i = 0; i < kWarpgroup; ++i) first[i].wait = Wait::nothing;
  call.action(async_, group, threads);
}

void Block::named_barrier(int name, int count, Where where) {
  count_step();
  if (is_faulty(SiteKind::barrier, where)) return;
  NamedBarrier& barrier = named_barriers_.at(static_cast<std::size_t>(name));
  if (barrier.clock.empty()) barrier.clock = blank_clock();
  publish(barrier.clock);
  const std::uint32_t phase = barrier.phase;
  if (++barrier.arrived == count) {
    barrier.arrived = 0;
    ++barrier.phase;
  }
  wait_until(
      "named barrier", [&barrier, phase] { return barrier.phase != phase; }, where);
  learn(barrier.clock);
}

void Block::set_registers(int count, Where where) {
  count_step();
  const auto warp = static_cast<std::size_t>(running_->number / kWarp);
  if (count % 8 != 0 || count < 24 || count > 256) {
    fail(fmt::format("setmaxnreg to {}: 24 to 256 in steps of 8 are possible", count), where);
  }
  // A warp's lanes come one by one, and each would count: the last one does.
  const WarpCall call{0xffffffffu, nullptr, [](void* const*) {}, "setmaxnreg", true};
  warp_operation(call, where);
  if (running_->number % kWarp != 0 || registers_[warp] == count) return;
  const auto fits = [this, warp, count] {
    const int others = std::accumulate(registers_.begin(), registers_.end(), 0) - registers_[warp];
    return (others + count) * kWarp <= kRegistersOfBlock;
  };
  if (count > registers_[warp]) wait_until("registers", fits, where);
  registers_[warp] = count;
}

void Block::wait_until(const char* what, std::function<bool()> is_ready, Where where) {
  count_step();
  if (is_ready()) return;
  running_->wait = Wait::condition;
  running_->where = where;
  running_->waits_for = what;
  running_->is_ready = std::move(is_ready);
  yield();
}

void Block::publish(Clock& clock) {
  const int self = running_->number, first = self / kWarp * kWarp;
  join(clock, clocks_.own(self));
  const WarpOrder::Row& seen = moment().warp_seen;
  std::uint32_t* const known = part_of(clock);
  for (int i = 0; i < thread_count(); ++i) {
    known[i] = std::max(known[i], block_synced_);
    if (i / kWarp * kWarp == first) {
      known[i] = std::max(known[i], seen[static_cast<std::size_t>(i % kWarp)]);
    }
  }
  known[self] = events_++;
}

void Block::learn(const Clock& clock) { join(clocks_.own(running_->number), clock); }

void Block::gather(Clock& clock) {
  for (const Thread& thread : threads_) join(clock, clocks_.own(thread.number));
}

Moment Block::moment_in(const Block& other) {
  if (&other == this) return moment();
  // Nobody of that block, who knows only what his clock says.
  static constexpr WarpOrder::Row kNothing{};
  static constexpr int kNobody = 1 << 20;
  clocks_.own(running_->number);
  return {.thread = kNobody,
          .now = other.events_,
          .block_synced = 0,
          .warp_seen = kNothing,
          .clock = clocks_.of(running_->number, other.rank_),
          .threads = other.thread_count()};
}

bool Block::release_block_barrier() {
  const Where& where = threads_.front().where;
  for (const Thread& thread : threads_) {
    if (thread.wait != Wait::block_barrier || !same_line(thread.where, where)) return false;
  }
  block_synced_ = events_++;
  if (clocks_.exist()) {
    Clock all = clocks_.blank();
    gather(all);
    for (const Thread& thread : threads_) clocks_.own(thread.number) = all;
  }
  for (Thread& thread : threads_) thread.wait = Wait::nothing;
  return true;
}

bool Block::is_at_cluster_barrier() const {
  const Where& where = threads_.front().where;
  return std::all_of(threads_.begin(), threads_.end(), [&](const Thread& thread) {
    return thread.wait == Wait::cluster_barrier && same_line(thread.where, where);
  });
}

// It is a barrier of each block as well.
void Block::tell_all(Clock& clock) {
  block_synced_ = events_++;
  gather(clock);
  std::fill_n(part_of(clock), thread_count(), block_synced_);
}

void Block::learn_all(const Clock& clock) {
  for (Thread& thread : threads_) {
    clocks_.own(thread.number) = clock;
    thread.wait = Wait::nothing;
  }
}

}  // namespace lamina::kernels::cuda::emulator
