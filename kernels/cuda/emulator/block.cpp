#include "kernels/cuda/emulator/block.h"

#include <lamina/core/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <random>
#include <string_view>

namespace lamina::kernels::cuda::emulator {
namespace {

constexpr int kWarp = 32;
thread_local Block* running_block = nullptr;
std::atomic<std::uint64_t> serials{0};

std::string text_of(dim3 at) { return fmt::format("({}, {}, {})", at.x, at.y, at.z); }

bool same_line(const Where& a, const Where& b) {
  return a.line() == b.line() && std::string_view(a.file_name()) == b.file_name();
}

}  // namespace

Block& current_block() { return *running_block; }

Block::Block(const LaunchShape& shape, std::function<void()> body, std::uint64_t seed)
    : shape_(shape), body_(std::move(body)), seed_(seed) {
  const std::size_t count = std::size_t{shape.block.x} * shape.block.y * shape.block.z;
  if (count == 0 || count > 1024) {
    throw CudaError(fmt::format("[cuda] {}: a block of {} threads", shape.kernel, count));
  }
  threads_.resize(count);
  order_.resize(count);
  warp_synced_.resize((count + kWarp - 1) / kWarp);
  for (std::size_t i = 0; i < count; ++i) stacks_.push_back(std::make_unique<FiberStack>());
  running_block = this;
}

Block::~Block() { running_block = nullptr; }

void Block::run(dim3 index) {
  index_ = index;
  serial_ = ++serials;
  events_ = 1;
  block_synced_ = 0;
  std::fill(warp_synced_.begin(), warp_synced_.end(), 0u);
  shared_.reset(shape_.smem_bytes);
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
    if (!ran && !release_warp_barriers()) release_block_barrier();
  }
}

void Block::enter() {
  Block& block = current_block();
  try {
    block.body_();
  } catch (...) {
    block.error_ = std::current_exception();
  }
  block.running_->wait = Wait::exited;
  block.yield();
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
  running_->wait = Wait::block_barrier;
  running_->where = where;
  yield();
}

void Block::sync_warp(unsigned mask, Where where) {
  if ((mask >> (running_->number % kWarp) & 1) == 0) {
    fail(fmt::format("__syncwarp: mask {:#010x} leaves out the calling lane", mask), where);
  }
  running_->wait = Wait::warp_barrier;
  running_->mask = mask;
  running_->where = where;
  yield();
}

bool Block::release_warp_barriers() {
  bool released = false;
  for (std::size_t first = 0; first < threads_.size(); first += kWarp) {
    const std::size_t lanes = std::min<std::size_t>(kWarp, threads_.size() - first);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      if (threads_[first + lane].wait != Wait::warp_barrier) continue;
      const unsigned mask = threads_[first + lane].mask;
      unsigned arrived = 0;
      for (std::size_t i = 0; i < lanes; ++i) {
        const Thread& other = threads_[first + i];
        arrived |= unsigned{other.wait == Wait::warp_barrier && other.mask == mask} << i;
      }
      if ((arrived & mask) != mask) continue;
      for (std::size_t i = 0; i < lanes; ++i) {
        if (mask >> i & 1) threads_[first + i].wait = Wait::nothing;
      }
      // Only a barrier of the whole warp orders all of it; a smaller one is not credited.
      if (mask == 0xffffffffu) warp_synced_[first / kWarp] = events_++;
      released = true;
    }
  }
  return released;
}

void Block::release_block_barrier() {
  const Where& where = threads_.front().where;
  for (const Thread& thread : threads_) {
    if (thread.wait != Wait::block_barrier || !same_line(thread.where, where)) report_deadlock();
  }
  block_synced_ = events_++;
  for (Thread& thread : threads_) thread.wait = Wait::nothing;
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
                              first.wait == Wait::block_barrier ? "barrier" : "warp's barrier",
                              text_of(missing.index), instead));
}

Moment Block::moment() const {
  const auto warp = static_cast<std::size_t>(running_->number / kWarp);
  return {.thread = running_->number,
          .now = events_,
          .block_synced = block_synced_,
          .warp_synced = warp_synced_[warp]};
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
