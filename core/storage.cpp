#include "core/storage.h"

#include <new>

namespace lamina {

std::shared_ptr<Storage> Storage::allocate(std::int64_t size_bytes) {
  struct Free {
    void operator()(void* data) const noexcept {
      ::operator delete (data, std::align_val_t{kAlignment});
    }
  };
  const auto size = static_cast<std::size_t>(size_bytes > 0 ? size_bytes : 1);
  std::shared_ptr<void> owner(::operator new (size, std::align_val_t{kAlignment}), Free{});
  void* data = owner.get();
  return std::make_shared<Storage>(data, size_bytes, /*read_only=*/false, std::move(owner));
}

}  // namespace lamina
