#include "core/derived.h"

#include "core/storage.h"

namespace lamina {

std::shared_ptr<const void> derived(const Tensor& tensor, const std::string& key,
                                    const std::function<std::shared_ptr<const void>()>& make) {
  // Two views of one storage differ in where they begin.
  const auto begin = reinterpret_cast<std::uintptr_t>(tensor.raw_data());
  return tensor.storage()->derived(std::to_string(begin) + ":" + key, make);
}

std::shared_ptr<const void> Storage::derived(
    const std::string& key, const std::function<std::shared_ptr<const void>()>& make) {
  const std::lock_guard lock(derived_mutex_);
  auto& entry = derived_[key];
  std::shared_ptr<const void> value = entry.lock();
  if (!value) {
    value = make();
    entry = value;
  }
  return value;
}

void Storage::forget_derived() noexcept {
  const std::lock_guard lock(derived_mutex_);
  derived_.clear();
}

}  // namespace lamina
