#include "core/storage.h"

#include <lamina/core/error.h>

#include "core/mapped_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include <sys/mman.h>

namespace lamina {
namespace {

thread_local AllocationLimit* current_limit = nullptr;

// Packed weights and activations are read in dozens of streams at once, more pages of 4 KiB than
// the processor remembers the places of; and each such page costs a fault when it is first written.
constexpr std::size_t kHugePage = 2 * 1024 * 1024;

// Of whole huge pages within the range; what is left over stays as it is. A range that began with
// one would take up to as much again of address space, which some processes have little of.
void ask_for_huge_pages(void* data, std::size_t size) noexcept {
  void* begin = data;
  std::size_t space = size;
  if (std::align(kHugePage, kHugePage, begin, space) == nullptr) return;
  (void)::madvise(begin, space / kHugePage * kHugePage, MADV_HUGEPAGE);
}

}  // namespace

std::shared_ptr<Storage> Storage::allocate(std::int64_t size_bytes) {
  struct Free {
    void operator()(void* data) const noexcept {
      ::operator delete (data, std::align_val_t{kAlignment});
    }
  };
  AllocationLimit::charge(size_bytes);
  const auto size = static_cast<std::size_t>(size_bytes > 0 ? size_bytes : 1);
  std::shared_ptr<void> owner(::operator new (size, std::align_val_t{kAlignment}), Free{});
  void* data = owner.get();
  ask_for_huge_pages(data, size);
  return std::make_shared<Storage>(data, size_bytes, /*read_only=*/false, std::move(owner));
}

std::shared_ptr<Storage> Storage::allocate_zeroed(std::int64_t size_bytes) {
  AllocationLimit::charge(size_bytes);
  // calloc knows which pages are fresh from the kernel, and leaves those alone. It aligns to 16
  // bytes only, so there is room for the rest.
  std::size_t size = static_cast<std::size_t>(std::max<std::int64_t>(size_bytes, 1));
  std::size_t space = size + kAlignment;
  std::shared_ptr<void> owner(std::calloc(space, 1), std::free);
  if (owner == nullptr) throw std::bad_alloc();
  void* data = owner.get();
  std::align(kAlignment, size, data, space);
  return std::make_shared<Storage>(data, size_bytes, /*read_only=*/false, std::move(owner));
}

void Storage::release(std::int64_t offset, std::int64_t size_bytes) const noexcept {
  if (file_ == nullptr || offset < 0 || size_bytes > size_bytes_ - offset) return;
  file_->release({static_cast<const std::byte*>(data_) + offset,
                  static_cast<std::size_t>(std::max<std::int64_t>(size_bytes, 0))});
}

AllocationLimit::AllocationLimit(std::int64_t size_bytes)
    : left_bytes_(size_bytes), outer_(current_limit) {
  current_limit = this;
}

AllocationLimit::~AllocationLimit() { current_limit = outer_; }

void AllocationLimit::charge(std::int64_t size_bytes) {
  AllocationLimit* limit = current_limit;
  if (limit == nullptr) return;
  if (size_bytes > limit->left_bytes_) {
    throw FormatError(FormatErrc::limit,
                      fmt::format("too large: {} bytes to unpack, where its size allows {} more",
                                  size_bytes, limit->left_bytes_));
  }
  limit->left_bytes_ -= size_bytes;
}

}  // namespace lamina
