#include "kernels/cuda/emulator/global_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

namespace lamina::kernels::cuda::emulator {
namespace {

constexpr std::align_val_t kAlign{256};

struct Allocation {
  char* data;
  std::int64_t size_bytes;
  std::vector<char> written;  // one for each byte
};

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
std::atomic<std::uint64_t> detail::allocations_version{1};

bool detail::touch(const void* address) {
  const std::lock_guard lock(allocations().mutex);
  Allocation* const found = find(address);
  if (found == nullptr || !holds(*found, address, 1)) return false;
  last_touched = {.begin = found->data,
                  .end = found->data + found->size_bytes,
                  .written = found->written.data(),
                  .version = allocations_version};
  return true;
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

std::string global_complaint(bool writes, const void* address, std::int64_t size_bytes) {
  const std::lock_guard lock(allocations().mutex);
  const Allocation* const found = find(address);
  if (found == nullptr || !holds(*found, address, size_bytes)) {
    return outside(writes ? "writes" : "reads", address, size_bytes, found);
  }
  return "reads device memory that was never written";
}

bool is_global(const void* address) {
  const std::lock_guard lock(allocations().mutex);
  const Allocation* const found = find(address);
  return found != nullptr && holds(*found, address, 1);
}

}  // namespace lamina::kernels::cuda::emulator
