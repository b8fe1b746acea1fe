#include "kernels/cuda/emulator/async_unit.h"

#include "kernels/cuda/emulator/block.h"
#include "kernels/cuda/emulator/global_memory.h"
#include "kernels/cuda/emulator/swizzle.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace lamina::kernels::cuda::emulator {
void AsyncUnit::reset(int threads, std::uint64_t seed) {
  seed_ = seed;
  random_.seed(static_cast<unsigned>(seed));
  mbarriers_.clear();
  loads_.clear();
  stores_.clear();
  store_groups_.assign(static_cast<std::size_t>(threads), 0);
  proxy_fences_.assign(static_cast<std::size_t>(threads), 0);
  groups_.assign(static_cast<std::size_t>(threads / kWarpgroup), {});
}

const char* AsyncUnit::unfinished_of(int thread) const {
  const auto is_its = [&](const BoxCopy& copy) { return copy.thread == thread; };
  if (std::any_of(stores_.begin(), stores_.end(), is_its)) return "stores under way";
  const auto group = static_cast<std::size_t>(thread / kWarpgroup);
  const bool multiplies = group < groups_.size() && !groups_[group].products.empty();
  return multiplies ? "products under way" : nullptr;
}

void AsyncUnit::init_mbarrier(const char* address, int arrivals, Where where) {
  if (mbarriers_.size() == kMostMbarriers) block_.fail("too many mbarriers", where);
  MbarrierState barrier{.address = address, .arrivals = arrivals, .pending = arrivals};
  barrier.arriving = barrier.released = block_.blank_clock();
  mbarriers_.push_back(std::move(barrier));
}

void AsyncUnit::fence_mbarriers() {
  for (MbarrierState& barrier : mbarriers_) barrier.fenced = true;
}

MbarrierState& AsyncUnit::find(Block& by, const char* address, Where where) {
  const std::string prefix = &by == &block_ ? "" : fmt::format("block {}: ", block_.rank());
  if (block_.has_ended()) by.fail(prefix + "has ended, its shared memory may be another's", where);
  const Moment moment = by.moment_in(block_);
  for (MbarrierState& barrier : mbarriers_) {
    if (barrier.address != address) continue;
    if (!block_.shared().sees(address, sizeof(std::uint64_t), moment)) {
      by.fail(prefix + block_.shared().complaint(false, address, sizeof(std::uint64_t), moment),
              where);
    }
    if (&by != &block_ && !barrier.fenced) {
      by.fail(prefix + "used from outside without mbarrier_fence_init()", where);
    }
    return barrier;
  }
  by.fail(prefix + "there is no mbarrier that was initialised", where);
}

void AsyncUnit::arrive(const char* address, std::int64_t expected_bytes, Where where) {
  arrive_from(block_, address, expected_bytes, where);
}

void AsyncUnit::arrive_at(int rank, const char* address, Where where) {
  if (rank < 0 || rank >= block_.cluster_size()) {
    block_.fail(fmt::format("block {} of a cluster of {}", rank, block_.cluster_size()), where);
  }
  Block& target = block_.peer(rank);
  target.async().arrive_from(block_, block_.same_place(address, target), 0, where);
}

void AsyncUnit::arrive_from(Block& by, const char* address, std::int64_t expected_bytes,
                            Where where) {
  MbarrierState& barrier = find(by, address, where);
  if (barrier.pending == 0) by.fail("more arrivals than the mbarrier's phase has", where);
  by.publish(barrier.arriving);
  if (&by != &block_) barrier.touched = where;
  barrier.bytes += expected_bytes;
  --barrier.pending;
  end_phase_if_complete(barrier);
}

void AsyncUnit::end_phase_if_complete(MbarrierState& barrier) {
  if (barrier.pending > 0 || barrier.bytes != 0) return;
  ++barrier.phase;
  barrier.pending = barrier.arrivals;
  join(barrier.released, barrier.arriving);
}

void AsyncUnit::wait(const char* address, unsigned parity, Where where) {
  MbarrierState& barrier = find(block_, address, where);
  const auto index = static_cast<std::size_t>(&barrier - mbarriers_.data());
  block_.wait_until(
      "mbarrier", [this, index, parity] { return (mbarriers_[index].phase & 1) != parity; }, where);
  block_.learn(mbarriers_[index].released);
}

void AsyncUnit::check_box(const BoxCopy& copy, Where where) const {
  if (reinterpret_cast<std::uintptr_t>(copy.shared) % (8 * kSwizzleRow) != 0) {
    block_.fail("a swizzled box in shared memory must begin at a multiple of 1024 bytes", where);
  }
}

// visit(shared address, global address or null for what lies outside), 16 bytes each.
template <typename Visit>
void AsyncUnit::for_each_part(const BoxCopy& copy, const Visit& visit) const {
  const TensorMap& map = copy.map;
  const int rows = map.box_bytes() / map.row_bytes();
  for (int row = 0; row < rows; ++row) {
    bool inside = true;
    char* from = map.data;
    for (int i = 1, rest = row; i < map.rank; rest /= map.box[i], ++i) {
      const std::int64_t at = copy.at[static_cast<std::size_t>(i)] + rest % map.box[i];
      inside = inside && at >= 0 && at < map.size[i];
      from += at * map.stride_bytes[i];
    }
    for (int part = 0; part < map.row_bytes() / kPart; ++part) {
      const std::int64_t first = copy.at[0] + part * kPart / map.element_bytes;
      const bool is_there = inside && first >= 0 && first < map.size[0];
      visit(swizzled(copy.shared, std::int64_t{row} * kSwizzleRow + part * kPart),
            is_there ? from + first * map.element_bytes : nullptr);
    }
  }
}

template <typename Visit>
void AsyncUnit::for_each_target(const BoxCopy& copy, const Visit& visit) const {
  for (int rank = 0; rank < block_.cluster_size(); ++rank) {
    if (copy.blocks >> rank & 1) visit(block_.peer(rank));
  }
}

void AsyncUnit::load_box(BoxCopy copy, unsigned blocks, const char* mbarrier, Where where) {
  if (blocks == 0 || blocks >> block_.cluster_size() != 0) {
    block_.fail(fmt::format("a mask {:#x} of a cluster of {}", blocks, block_.cluster_size()),
                where);
  }
  check_box(copy, where);
  copy.mbarrier = mbarrier;
  copy.blocks = blocks;
  copy.thread = block_.thread().number;
  copy.running_since = block_.running_since();
  copy.where = where;
  for_each_target(copy, [&](Block& target) { target.async().expect_box(block_, copy); });
  if (!is_late()) return land(copy);
  loads_.push_back(copy);
}

void AsyncUnit::expect_box(Block& by, const BoxCopy& copy) {
  const char* const shared = by.same_place(copy.shared, block_);
  MbarrierState& barrier = find(by, by.same_place(copy.mbarrier, block_), copy.where);
  if (!barrier.fenced) by.fail("a copy on a mbarrier without mbarrier_fence_init()", copy.where);
  barrier.touched = copy.where;
  const Moment moment = by.moment_in(block_);
  if (!block_.shared().begin_copy(shared, copy.map.box_bytes(), moment)) {
    const std::string prefix = &by == &block_ ? "" : fmt::format("block {}: ", block_.rank());
    by.fail(prefix + block_.shared().complaint(true, shared, copy.map.box_bytes(), moment),
            copy.where);
  }
}

void AsyncUnit::move(BoxCopy& copy) {
  const bool is_load = copy.mbarrier != nullptr;
  // As its thread began it, whoever runs now.
  set_running_since(copy.running_since);
  for_each_part(copy, [&](char* shared, char* global) {
    if (global != nullptr) {
      const bool may = is_load ? read_global<kPart>(global) : write_global<kPart>(global);
      if (!may) {
        block_.act_for(copy.thread);
        block_.fail(global_complaint(!is_load, global, kPart), copy.where);
      }
    }
    if (!is_load && global != nullptr) std::memcpy(global, shared, kPart);
    for_each_target(copy, [&](Block& target) {
      char* const to = block_.same_place(shared, target);
      global == nullptr ? std::memset(to, 0, kPart) : std::memcpy(to, global, kPart);
    });
  });
  copy.moved = true;
  set_running_since(block_.running_since());
}

void AsyncUnit::land(BoxCopy& copy) {
  move(copy);
  for_each_target(copy, [&](Block& target) {
    BoxCopy there = copy;
    there.shared = block_.same_place(copy.shared, target);
    there.mbarrier = block_.same_place(copy.mbarrier, target);
    target.async().receive_box(there);
  });
}

void AsyncUnit::receive_box(const BoxCopy& copy) {
  const auto is_its = [&](const MbarrierState& each) { return each.address == copy.mbarrier; };
  MbarrierState& barrier = *std::find_if(mbarriers_.begin(), mbarriers_.end(), is_its);
  const auto index = static_cast<int>(&barrier - mbarriers_.data());
  const std::uint32_t event = block_.next_event();
  block_.shared().land_on_mbarrier(copy.shared, copy.map.box_bytes(), index, event);
  block_.part_of(barrier.arriving)[block_.thread_count() + index] = event;
  barrier.bytes -= copy.map.box_bytes();
  end_phase_if_complete(barrier);
}

// What threads of other blocks and copies did here must have been waited for by some thread.
void AsyncUnit::check_end() {
  for (int rank = 0; rank < block_.cluster_size(); ++rank) {
    for (const BoxCopy& copy : block_.peer(rank).async().loads_) {
      if (copy.blocks >> block_.rank() & 1) {
        block_.fail("the block ends while a copy into it is under way", copy.where);
      }
    }
  }
  if (mbarriers_.empty()) return;
  Clock known = block_.blank_clock();
  block_.gather(known);
  for (MbarrierState& barrier : mbarriers_) {
    std::uint32_t* const own = block_.part_of(barrier.arriving);
    std::fill_n(own, block_.thread_count(), 0);
    for (std::size_t i = 0; i < known.size(); ++i) {
      if (barrier.arriving[i] <= known[i]) continue;
      block_.fail(
          "the block ends while another block of its cluster may still reach into it, or a copy: "
          "nobody has waited for this",
          barrier.touched);
    }
  }
}

bool AsyncUnit::land_one() {
  if (loads_.empty()) return false;
  const std::size_t chosen = random_() % loads_.size();
  BoxCopy copy = loads_[chosen];
  loads_.erase(loads_.begin() + static_cast<std::ptrdiff_t>(chosen));
  land(copy);
  return true;
}

void AsyncUnit::store_box(BoxCopy copy, Where where) {
  check_box(copy, where);
  copy.thread = block_.thread().number;
  copy.running_since = block_.running_since();
  copy.group = store_groups_[static_cast<std::size_t>(copy.thread)];
  copy.where = where;
  const Moment moment = block_.moment();
  for_each_part(copy, [&](const char* shared, const char* global) {
    if (global == nullptr) return;
    if (!block_.shared().read_async(shared, kPart, moment, proxy_fences_.data())) {
      block_.fail(block_.shared().complaint(false, shared, kPart, moment), where);
    }
  });
  block_.shared().begin_read(copy.shared, copy.map.box_bytes(), copy.thread);
  if (!is_late()) move(copy);
  stores_.push_back(copy);
}

void AsyncUnit::commit_stores(Where where) {
  if (is_faulty(SiteKind::commit, where)) return;
  ++store_groups_[static_cast<std::size_t>(block_.thread().number)];
}

void AsyncUnit::wait_for_stores(int newest, Where where) {
  if (is_faulty(SiteKind::wait, where)) return;
  const int thread = block_.thread().number;
  const int before = store_groups_[static_cast<std::size_t>(thread)] - newest;
  const auto is_over = [&](BoxCopy& copy) {
    if (copy.thread != thread || copy.group >= before) return false;
    if (!copy.moved) move(copy);
    block_.shared().end_read(copy.shared, thread, block_.next_event());
    return true;
  };
  stores_.erase(std::remove_if(stores_.begin(), stores_.end(), is_over), stores_.end());
}

void AsyncUnit::fence_proxy(Where where) {
  if (is_faulty(SiteKind::fence, where)) return;
  proxy_fences_[static_cast<std::size_t>(block_.thread().number)] = block_.next_event();
}

}  // namespace lamina::kernels::cuda::emulator
