// Data computed from a tensor's bytes (packed or folded weights), kept with the storage for as long
// as somebody uses it: sessions of one model find each other's here.
#pragma once

#include <lamina/core/tensor.h>

#include <functional>
#include <memory>
#include <string>

namespace lamina {

/// What `make` returned for this tensor's bytes and this key, if a user of it is still alive, else
/// a new one. Thread-safe; of two callers at once the second waits. The entries of a storage are
/// forgotten (not freed) when somebody asks for its bytes to write to.
/// Requires: `key` holds everything that the result depends on beside the bytes.
std::shared_ptr<const void> derived(const Tensor& tensor, const std::string& key,
                                    const std::function<std::shared_ptr<const void>()>& make);

}  // namespace lamina
