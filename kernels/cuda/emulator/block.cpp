#include "kernels/cuda/emulator/block.h"

#include <lamina/core/error.h>

#include "kernels/cuda/emulator/global_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <numeric>
#include <random>
#include <string_view>

namespace lamina::kernels::cuda::emulator {
namespace {

std::atomic<std::uint64_t> serials{0};

// What blocks leave behind for the next: making stacks and shared memory anew would take longer
// than most kernels here.
struct Spare {
  std::vector<std::unique_ptr<FiberStack>> stacks;
  std::unique_ptr<SharedMemory> shared;
};

Spare& spare() {
  thread_local Spare things;
  return things;
}

std::string text_of(dim3 at) { return fmt::format("({}, {}, {})", at.x, at.y, at.z); }

bool same_line(const Where& a, const Where& b) {
  return a.line() == b.line() && std::string_view(a.file_name()) == b.file_name();
}

void check_launch_shape(const LaunchShape& shape) {
  const std::size_t count = std::size_t{shape.block.x} * shape.block.y * shape.block.z;
  std::string what;
  if (count == 0 || count > 1024 || shape.block.z > 64) {
    what = fmt::format("a block of {} threads", text_of(shape.block));
  } else if (shape.grid.x == 0 || shape.grid.y == 0 || shape.grid.z == 0 ||
             shape.grid.x > 0x7fffffff || shape.grid.y > 65535 || shape.grid.z > 65535) {
    what = fmt::format("a grid of {} blocks", text_of(shape.grid));
  } else if (shape.smem_bytes < 0 || shape.smem_bytes > SharedMemory::kCapacity) {
    what = fmt::format("{} bytes of dynamic shared memory, at most {} are there", shape.smem_bytes,
                       SharedMemory::kCapacity);
  }
  if (!what.empty()) throw CudaError(fmt::format("[cuda] {}: {}", shape.kernel, what));
}

}  // namespace

thread_local constinit Block* running_block = nullptr;

Block::Block(const LaunchShape& shape, std::function<void()> body, std::uint64_t seed)
    : shape_(shape), body_(std::move(body)), seed_(seed) {
  check_launch_shape(shape);
  const std::size_t count = std::size_t{shape.block.x} * shape.block.y * shape.block.z;
  threads_.resize(count);
  order_.resize(count);
  warp_synced_.resize((count + kWarp - 1) / kWarp);
  Spare& from = spare();
  while (from.stacks.size() < count) from.stacks.push_back(std::make_unique<FiberStack>());
  for (std::size_t i = 0; i < count; ++i) {
    stacks_.push_back(std::move(from.stacks.back()));
    from.stacks.pop_back();
  }
  shared_ = from.shared ? std::move(from.shared) : std::make_unique<SharedMemory>();
  running_block = this;
}

Block::~Block() {
  running_block = nullptr;
  Spare& to = spare();
  for (auto& stack : stacks_) to.stacks.push_back(std::move(stack));
  to.shared = std::move(shared_);
}

void Block::run(dim3 index) {
  index_ = index;
  serial_ = ++serials;
  events_ = 1;
  block_synced_ = 0;
  std::fill(warp_synced_.begin(), warp_synced_.end(), 0u);
  shared_->reset(shape_.smem_bytes);
  const dim3 size = shape_.block;
  for (unsigned i = 0; i < threads_.size(); ++i) {
    threads_[i] = {.stack_pointer = stacks_[i]->prepare(&Block::enter),
                   .index = {i % size.x, i / size.x % size.y, i / size.x / size.y},
                   .number = static_cast<int>(i)};
  }
  std::iota(order_.begin(), order_.end(), 0);
  std::shuffle(order_.begin(), order_.end(), std::mt19937_64(seed_ + serial_));
  for (;;) {
    const bool ran = run_ready();
    if (error_) std::rethrow_exception(error_);
    const auto exited = [](const Thread& thread) { return thread.wait == Wait::exited; };
    if (std::all_of(threads_.begin(), threads_.end(), exited)) return;
    if (!ran) release_block_barrier();
  }
}

void Block::enter() {
  Block& block = current_block();
  try {
    block.body_();
    if (!block.running_->copies.empty()) {
      block.fail("ends with copies under way that nobody waited for", Where::current());
    }
  } catch (...) {
    block.error_ = std::current_exception();
  }
  block.running_->wait = Wait::exited;
  block.yield();
}

void Block::count_step() {
  ++steps_;
  if (detail::steps_limit > 0 && steps_ > detail::steps_limit) {
    throw CudaError(fmt::format("[cuda] {}: more than {} steps, it seems to run for ever",
                                place(*running_), detail::steps_limit));
  }
}

void Block::yield() { lamina_switch_fiber(&running_->stack_pointer, scheduler_); }

bool Block::run_ready() {
  bool ran = false;
  for (const int number : order_) {
    Thread& thread = threads_[static_cast<std::size_t>(number)];
    if (thread.wait != Wait::nothing) continue;
    ran = true;
    running_ = &thread;
    lamina_switch_fiber(&scheduler_, thread.stack_pointer);
    if (error_) break;
  }
  return ran;
}

void Block::sync_threads(Where where) {
  count_step();
  if (is_faulty(SiteKind::barrier, where)) return;
  running_->wait = Wait::block_barrier;
  running_->where = where;
  yield();
}

void Block::warp_operation(unsigned mask, void* brought, WarpAction action, const char* operation,
                           Where where) {
  count_step();
  const int lane = running_->number % kWarp;
  if ((mask >> lane & 1) == 0) {
    fail(fmt::format("{}: mask {:#010x} leaves out the calling lane", operation, mask), where);
  }
  running_->wait = Wait::warp;
  running_->where = where;
  running_->mask = mask;
  running_->brought = brought;
  running_->action = action;
  running_->operation = operation;
  act_if_complete(static_cast<std::size_t>(running_->number - lane), mask);
  if (running_->wait != Wait::nothing) yield();
}

// The lane that comes last finds all others of the mask waiting, acts, and lets them go on.
void Block::act_if_complete(std::size_t first, unsigned mask) {
  const std::size_t count = std::min<std::size_t>(kWarp, threads_.size() - first);
  void* lanes[kWarp] = {};
  for (std::size_t i = 0; i < kWarp; ++i) {
    if ((mask >> i & 1) == 0) continue;
    if (i >= count) return;
    const Thread& thread = threads_[first + i];
    const bool there = thread.wait == Wait::warp && thread.mask == mask &&
                       thread.action == running_->action && thread.operation == running_->operation;
    if (!there) return;
    lanes[i] = thread.brought;
  }
  if (running_->action != nullptr) {
    running_->action(lanes);
  } else if (mask == 0xffffffffu) {
    // Only a barrier of the whole warp orders all of it; a smaller one is not credited.
    warp_synced_[first / kWarp] = events_++;
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (mask >> i & 1) threads_[first + i].wait = Wait::nothing;
  }
}

void Block::release_block_barrier() {
  const Where& where = threads_.front().where;
  for (const Thread& thread : threads_) {
    if (thread.wait != Wait::block_barrier || !same_line(thread.where, where)) report_deadlock();
  }
  block_synced_ = events_++;
  for (Thread& thread : threads_) thread.wait = Wait::nothing;
}

void Block::begin_copy(char* to, const char* from, int size_bytes, Where where) {
  if (!shared_->begin_copy(to, size_bytes, moment())) {
    fail(shared_->complaint(true, to, size_bytes, moment()), where);
  }
  if (from != nullptr && !read_global(from, size_bytes)) {
    fail(global_complaint(false, from, size_bytes), where);
  }
  running_->copies.push_back({to, from, size_bytes, running_->group});
}

void Block::commit_copies(Where where) {
  count_step();
  if (is_faulty(SiteKind::commit, where)) return;
  ++running_->group;
}

void Block::wait_for_copies(int newest, Where where) {
  count_step();
  if (is_faulty(SiteKind::wait, where)) return;
  std::vector<AsyncCopy>& copies = running_->copies;
  // Copies that were not committed belong to no group yet: no wait reaches them.
  const int landed_before = running_->group - newest;
  std::size_t kept = 0;
  for (const AsyncCopy& copy : copies) {
    if (copy.group >= landed_before) {
      copies[kept++] = copy;
      continue;
    }
    const auto size = static_cast<std::size_t>(copy.size_bytes);
    copy.from != nullptr ? std::memcpy(copy.to, copy.from, size) : std::memset(copy.to, 0, size);
    shared_->land_copy(copy.to, copy.size_bytes, moment());
  }
  copies.resize(kept);
}

void Block::report_deadlock() {
  const auto waits = [](const Thread& thread) { return thread.wait != Wait::exited; };
  const Thread& first = *std::find_if(threads_.begin(), threads_.end(), waits);
  const auto elsewhere = [&](const Thread& thread) {
    return thread.wait != first.wait || !same_line(thread.where, first.where);
  };
  const auto other = std::find_if(threads_.begin(), threads_.end(), elsewhere);
  const Thread& missing = other != threads_.end() ? *other : first;
  const std::string instead =
      missing.wait == Wait::exited
          ? "has exited"
          : fmt::format("waits at {}:{}", missing.where.file_name(), missing.where.line());
  throw CudaError(fmt::format("[cuda] {} at {}:{}: the {} is not reached by all: thread {} {}",
                              place(first), first.where.file_name(), first.where.line(),
                              first.wait == Wait::block_barrier ? "barrier" : first.operation,
                              text_of(missing.index), instead));
}

std::string Block::place(const Thread& thread) const {
  return fmt::format("{}, block {}, thread {}", shape_.kernel, text_of(index_),
                     text_of(thread.index));
}

void Block::fail(const std::string& what, Where where) const {
  throw CudaError(fmt::format("[cuda] {} at {}:{}: {}", place(*running_), where.file_name(),
                              where.line(), what));
}

}  // namespace lamina::kernels::cuda::emulator
