// ptx/overlap.cuh for the host compiler. Kernels run one after another here: what a thread touches
// of an earlier kernel's memory before it has waited is found by the traces that kernels leave.
#pragma once

#include "kernels/cuda/emulator/cuda_emulator.h"

namespace lamina::kernels::cuda {

inline void let_next_kernel_start() {}

inline void wait_for_kernel_before(emulator::Where where = std::source_location::current()) {
  if (emulator::is_faulty(emulator::SiteKind::wait, where)) return;
  emulator::current_block().wait_for_kernel_before();
}

}  // namespace lamina::kernels::cuda
