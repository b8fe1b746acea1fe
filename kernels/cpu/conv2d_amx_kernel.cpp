#include "kernels/cpu/conv2d_amx_kernel.h"

#include "kernels/cpu/amx_tile_unit.h"

namespace lamina::kernels::cpu {
namespace {

// A template, so that the branch not taken is not compiled.
template <typename Unit>
AmxKernel* kernel_of() {
  if constexpr (kHasAmxTileUnit) return multiply_tiles<Unit>;
  return nullptr;
}

}  // namespace

AmxKernel* amx_kernel() { return kernel_of<AmxTileUnit>(); }

}  // namespace lamina::kernels::cpu
