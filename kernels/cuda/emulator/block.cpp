#include "kernels/cuda/emulator/block.h"

#include <lamina/core/error.h>

#include "kernels/cuda/emulator/block_cluster.h"
#include "kernels/cuda/emulator/global_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>

namespace lamina::kernels::cuda::emulator {
namespace {

// What blocks leave behind for the next: making stacks and shared memory anew would take longer
// than most kernels here.
struct Spare {
  std::vector<std::unique_ptr<FiberStack>> stacks;
  std::vector<std::unique_ptr<SharedMemory>> shared;
};

Spare& spare() {
  thread_local Spare things;
  return things;
}

// A copy's bytes, whenever they are on their way.
void move_bytes(const AsyncCopy& copy) {
  const auto size = static_cast<std::size_t>(copy.size_bytes);
  copy.from != nullptr ? std::memcpy(copy.to, copy.from, size) : std::memset(copy.to, 0, size);
}

bool reads_global(const char* from, int size_bytes) {
  switch (size_bytes) {
    case 4: return read_global<4>(from);
    case 8: return read_global<8>(from);
    default: return read_global<16>(from);
  }
}

}  // namespace

thread_local constinit Block* running_block = nullptr;

std::string text_of(dim3 at) { return fmt::format("({}, {}, {})", at.x, at.y, at.z); }

Block::Block(Cluster& cluster, int rank, const LaunchShape& shape, std::function<void()> body,
             std::uint64_t seed, const LaunchSerials& serials)
    : cluster_(cluster),
      rank_(rank),
      shape_(shape),
      body_(std::move(body)),
      seed_(seed),
      launch_serial_(serials.launch),
      chain_serial_(serials.chain) {
  const std::size_t count = std::size_t{shape.block.x} * shape.block.y * shape.block.z;
  threads_.resize(count);
  order_.resize(count);
  warps_.resize((count + kWarp - 1) / kWarp);
  Spare& from = spare();
  while (from.stacks.size() < count) from.stacks.push_back(std::make_unique<FiberStack>());
  for (std::size_t i = 0; i < count; ++i) {
    stacks_.push_back(std::move(from.stacks.back()));
    from.stacks.pop_back();
  }
  if (from.shared.empty()) from.shared.push_back(std::make_unique<SharedMemory>());
  shared_ = std::move(from.shared.back());
  from.shared.pop_back();
}

Block::~Block() {
  running_block = nullptr;
  set_visitor({});
  Spare& to = spare();
  for (auto& stack : stacks_) to.stacks.push_back(std::move(stack));
  to.shared.push_back(std::move(shared_));
}

void Block::activate() {
  running_block = this;
  set_visitor({.launch = static_cast<std::uint32_t>(launch_serial_),
               .block = static_cast<std::uint32_t>(serial_),
               .running_since = static_cast<std::uint32_t>(chain_serial_)});
}

void Block::begin(dim3 index) {
  index_ = index;
  ended_ = false;
  const dim3 grid = shape_.grid, size = shape_.block;
  serial_ = launch_serial_ + 1 + (std::uint64_t{index.z} * grid.y + index.y) * grid.x + index.x;
  events_ = 1;
  block_synced_ = 0;
  shared_->reset(shape_.smem_bytes);
  clocks_.reset(thread_count(), cluster_size());
  async_.reset(thread_count(), seed_ + serial_);
  named_barriers_.fill({});
  registers_.assign(warps_.size(), most_registers(thread_count()));
  for (std::size_t i = 0; i < warps_.size(); ++i) {
    warps_[i].waiting = 0;
    warps_[i].order.reset(
        static_cast<int>(std::min<std::size_t>(kWarp, threads_.size() - i * kWarp)));
  }
  for (unsigned i = 0; i < threads_.size(); ++i) {
    threads_[i] = {.stack_pointer = stacks_[i]->prepare(&Block::enter),
                   .index = {i % size.x, i / size.x % size.y, i / size.x / size.y},
                   .number = static_cast<int>(i)};
  }
  std::iota(order_.begin(), order_.end(), 0);
  std::shuffle(order_.begin(), order_.end(), std::mt19937_64(seed_ + serial_));
}

void Block::enter() {
  Block& block = current_block();
  try {
    block.body_();
    if (!block.running_->copies.empty()) {
      block.fail("ends with copies under way that nobody waited for", Where::current());
    }
    if (const char* const what = block.async_.unfinished_of(block.running_->number)) {
      block.fail(fmt::format("ends with {} that nobody waited for", what), Where::current());
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
  if (ended_) return false;
  activate();
  bool ran = false;
  for (const int number : order_) {
    Thread& thread = threads_[static_cast<std::size_t>(number)];
    if (thread.wait == Wait::condition && thread.is_ready()) thread.wait = Wait::nothing;
    if (thread.wait != Wait::nothing) continue;
    ran = true;
    running_ = &thread;
    set_running_since(running_since());
    lamina_switch_fiber(&scheduler_, thread.stack_pointer);
    if (error_) std::rethrow_exception(error_);
  }
  end_if_all_exited();
  return ran;
}

bool Block::land_one() {
  activate();
  return async_.land_one();
}

void Block::end_if_all_exited() {
  const auto exited = [](const Thread& thread) { return thread.wait == Wait::exited; };
  ended_ = std::all_of(threads_.begin(), threads_.end(), exited);
  if (ended_) async_.check_end();
}

void Block::wait_for_kernel_before() {
  running_->waited_for_kernel_before = true;
  set_running_since(running_since());
}

void Block::begin_copy(char* to, const char* from, int size_bytes, Where where) {
  if (!shared_->begin_copy(to, size_bytes, moment())) {
    fail(shared_->complaint(true, to, size_bytes, moment()), where);
  }
  if (from != nullptr && !reads_global(from, size_bytes)) {
    fail(global_complaint(false, from, size_bytes), where);
  }
  const AsyncCopy copy{to, from, size_bytes, running_->group};
  if (lands_at_once()) move_bytes(copy);
  running_->copies.push_back(copy);
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
    if (!lands_at_once()) move_bytes(copy);
    shared_->land_copy(copy.to, copy.size_bytes, moment());
  }
  copies.resize(kept);
}

void Block::report_deadlock() const {
  const auto waits = [](const Thread& thread) { return thread.wait != Wait::exited; };
  const Thread& first = *std::find_if(threads_.begin(), threads_.end(), waits);
  const auto elsewhere = [&](const Thread& thread) {
    return thread.wait != first.wait || !same_line(thread.where, first.where) ||
           (thread.wait == Wait::warp && thread.call.mask != first.call.mask);
  };
  const auto other = std::find_if(threads_.begin(), threads_.end(), elsewhere);
  const Thread& missing = other != threads_.end() ? *other : first;
  std::string instead = "has exited";
  if (missing.wait != Wait::exited) {
    instead = fmt::format("waits at {}:{}", missing.where.file_name(), missing.where.line());
    if (missing.wait == Wait::warp)
      instead += fmt::format(" with mask {:#010x}", missing.call.mask);
  }
  if (first.wait == Wait::condition) {
    throw CudaError(fmt::format("[cuda] {} at {}:{}: waits for ever for its {}", place(first),
                                first.where.file_name(), first.where.line(), first.waits_for));
  }
  const char* const what = first.wait == Wait::block_barrier     ? "barrier"
                           : first.wait == Wait::cluster_barrier ? "cluster's barrier"
                           : first.wait == Wait::group           ? first.group_call.operation
                                                                 : first.call.operation;
  throw CudaError(fmt::format("[cuda] {} at {}:{}: the {} is not reached by all: thread {} {}",
                              place(first), first.where.file_name(), first.where.line(), what,
                              text_of(missing.index), instead));
}

void Block::report_missing(const Block& other) const {
  const Thread& first = threads_.front();
  const Where& where = other.threads_.front().where;
  throw CudaError(fmt::format(
      "[cuda] {} at {}:{}: the cluster's barrier is not reached by all: block {} {}", place(first),
      first.where.file_name(), first.where.line(), text_of(other.index_),
      other.ended_ ? "has ended" : fmt::format("waits at {}:{}", where.file_name(), where.line())));
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
