#include "models/lpips_heads.h"

#include "serialization/manifest.h"

#include <cstddef>
#include <span>

namespace lamina::models::detail {

/// data/lpips/vgg.lamina; embedded when CMake configures.
extern const std::span<const std::byte> lpips_heads_bytes;

const StateDict& lpips_heads() {
  static const StateDict heads = [] {
    StateDict tensors;
    const auto info = serialization::parse_container_head(lpips_heads_bytes, "lpips/vgg.lamina");
    for (const serialization::TensorEntry& entry : info.tensors) {
      const std::byte* data = lpips_heads_bytes.data() + entry.offset;
      tensors.insert(entry.name, Tensor::wrap(data, entry.shape, entry.dtype, nullptr));
    }
    return tensors;
  }();
  return heads;
}

}  // namespace lamina::models::detail
