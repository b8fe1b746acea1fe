#include "kernels/cuda/emulator/global_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

namespace lamina::kernels::cuda::emulator {
namespace {

constexpr std::align_val_t kAlign{256};
// Larger allocations are not watched for races between blocks: that takes twice their size again.
constexpr std::int64_t kMostWatchedBytes = std::int64_t{64} << 20;

using detail::Visits;

struct Allocation {
  char* data;
  std::int64_t size_bytes;
  std::vector<char> written;  // one for each byte
  // Watched in pieces of 4, 2 and 1 bytes; the last that is not empty counts. The others stay, for
  // another host thread may still be looking at them.
  std::array<std::vector<Visits>, 3> visits = {};
  int piece_bytes = 4;
};

std::vector<Visits>& visits_of(Allocation& allocation) {
  return allocation.visits[static_cast<std::size_t>(2 / allocation.piece_bytes)];
}

struct Allocations {
  std::mutex mutex;
  std::map<const char*, Allocation> by_address;
  std::int64_t in_use = 0;
};

Allocations& allocations() {
  static Allocations all;
  return all;
}

// Requires: the mutex is held.
Allocation* find(const void* address) {
  auto& all = allocations().by_address;
  const auto* const at = static_cast<const char*>(address);
  const auto after = all.upper_bound(at);
  if (after == all.begin()) return nullptr;
  Allocation& found = std::prev(after)->second;
  // One past the end counts, so that messages can say how far outside an access is.
  return at <= found.data + found.size_bytes ? &found : nullptr;
}

std::string outside(const char* verb, const void* address, std::int64_t size_bytes,
                    const Allocation* nearest) {
  if (nearest == nullptr) return fmt::format("{} outside of device memory", verb);
  return fmt::format("{} bytes {} to {} of an allocation of {}", verb,
                     static_cast<const char*>(address) - nearest->data,
                     static_cast<const char*>(address) - nearest->data + size_bytes - 1,
                     nearest->size_bytes);
}

bool holds(const Allocation& allocation, const void* address, std::int64_t size_bytes) {
  return static_cast<const char*>(address) - allocation.data + size_bytes <= allocation.size_bytes;
}

}  // namespace

thread_local constinit detail::LastTouched detail::last_touched;
thread_local constinit Visitor detail::visitor;
std::atomic<std::uint64_t> detail::allocations_version{1};

bool detail::touch(const void* address) {
  const std::lock_guard lock(allocations().mutex);
  Allocation* const found = find(address);
  if (found == nullptr || !holds(*found, address, 1)) return false;
  std::vector<Visits>& visits = visits_of(*found);
  if (visits.empty() && visitor.block != 0 && found->size_bytes <= kMostWatchedBytes) {
    visits.resize(static_cast<std::size_t>(found->size_bytes / found->piece_bytes + 1));
  }
  last_touched = {.begin = found->data,
                  .end = found->data + found->size_bytes,
                  .written = found->written.data(),
                  .visits = visits.empty() ? nullptr : visits.data(),
                  .piece_bytes = found->piece_bytes,
                  .version = allocations_version};
  return true;
}

void detail::split_pieces(int piece_bytes) {
  const std::lock_guard lock(allocations().mutex);
  Allocation& allocation = *find(last_touched.begin);
  while (allocation.piece_bytes > piece_bytes) {
    const std::vector<Visits>& whole = visits_of(allocation);
    allocation.piece_bytes /= 2;
    std::vector<Visits>& halves = visits_of(allocation);
    halves.resize(whole.size() * 2);
    for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = whole[i / 2];
  }
  ++allocations_version;
  last_touched.visits = visits_of(allocation).data();
  last_touched.piece_bytes = allocation.piece_bytes;
  last_touched.version = allocations_version;
}

void set_visitor(const Visitor& visitor) {
  // An allocation may be watched from its first kernel on: look it up anew.
  if (visitor.launch != detail::visitor.launch) detail::last_touched = {};
  detail::visitor = visitor;
}

void* allocate_global(std::int64_t size_bytes) {
  const auto size = static_cast<std::size_t>(size_bytes);
  auto* const data = static_cast<char*>(::operator new(size, kAlign, std::nothrow));
  if (data == nullptr) return nullptr;
  std::memset(data, 0xff, size);
  auto& all = allocations();
  const std::lock_guard lock(all.mutex);
  all.by_address.emplace(data, Allocation{data, size_bytes, std::vector<char>(size)});
  ++detail::allocations_version;
  all.in_use += size_bytes;
  return data;
}

void free_global(void* data) {
  auto& all = allocations();
  const std::lock_guard lock(all.mutex);
  const auto found = all.by_address.find(static_cast<const char*>(data));
  if (found == all.by_address.end()) return;
  all.in_use -= found->second.size_bytes;
  all.by_address.erase(found);
  ++detail::allocations_version;
  ::operator delete(data, kAlign);
}

std::int64_t global_bytes_in_use() {
  const std::lock_guard lock(allocations().mutex);
  return allocations().in_use;
}

bool read_global(const void* address, std::int64_t size_bytes) {
  const std::lock_guard lock(allocations().mutex);
  const Allocation* const found = find(address);
  if (found == nullptr || !holds(*found, address, size_bytes)) return false;
  const auto begin = found->written.begin() + (static_cast<const char*>(address) - found->data);
  return std::find(begin, begin + size_bytes, 0) == begin + size_bytes;
}

bool write_global(const void* address, std::int64_t size_bytes) {
  const std::lock_guard lock(allocations().mutex);
  Allocation* const found = find(address);
  if (found == nullptr || !holds(*found, address, size_bytes)) return false;
  std::fill_n(found->written.begin() + (static_cast<const char*>(address) - found->data),
              size_bytes, char{1});
  return true;
}

std::string foreign_visit(const Allocation& allocation, bool writes, const char* at,
                          std::int64_t size_bytes) {
  const int piece_bytes = allocation.piece_bytes;
  const auto& all = allocation.visits[static_cast<std::size_t>(2 / piece_bytes)];
  const std::int64_t first = (at - allocation.data) / piece_bytes;
  for (std::int64_t i = first; i < first + size_bytes / piece_bytes; ++i) {
    const Visits& visits = all[static_cast<std::size_t>(i)];
    const bool wrote = detail::is_foreign(visits.writer);
    if (!wrote && !(writes && detail::is_foreign(visits.reader))) continue;
    const std::uint32_t earlier = wrote ? visits.writer : visits.reader;
    if (earlier < detail::visitor.launch) {
      return fmt::format(
          "{} device memory that an earlier kernel {}, without wait_for_kernel_before",
          writes ? "writes" : "reads", wrote ? "wrote" : "read");
    }
    const std::uint32_t block = earlier - detail::visitor.launch;
    const std::string who =
        block == 0 ? "several blocks" : fmt::format("block {} in the grid's order", block - 1);
    return fmt::format("race between blocks: {} device memory that {} of the same launch {}",
                       writes ? "writes" : "reads", who, wrote ? "wrote" : "read");
  }
  return "cannot be";
}

std::string global_complaint(bool writes, const void* address, std::int64_t size_bytes) {
  const std::lock_guard lock(allocations().mutex);
  const Allocation* const found = find(address);
  if (found == nullptr || !holds(*found, address, size_bytes)) {
    return outside(writes ? "writes" : "reads", address, size_bytes, found);
  }
  const auto* const at = static_cast<const char*>(address);
  if (!writes && !detail::is_written(found->written.data() + (at - found->data),
                                     static_cast<int>(size_bytes))) {
    return "reads device memory that was never written";
  }
  return foreign_visit(*found, writes, at, size_bytes);
}

bool is_global(const void* address) {
  const std::lock_guard lock(allocations().mutex);
  const Allocation* const found = find(address);
  return found != nullptr && holds(*found, address, 1);
}

}  // namespace lamina::kernels::cuda::emulator
