// ptx/cp_async.cuh for the host compiler: copies land when their thread waits for them, as late as
// the rules allow.
#pragma once

#include "kernels/cuda/emulator/cuda_emulator.h"

namespace lamina::kernels::cuda {

template <int kBytes, typename T>
void cp_async(SharedPtr<T> to, GlobalPtr<const T> from, bool valid,
              emulator::Where where = std::source_location::current()) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16);
  auto* const target = reinterpret_cast<char*>(to.raw());
  const auto* const source = reinterpret_cast<const char*>(from.raw());
  const auto is_aligned = [](const char* address) {
    return reinterpret_cast<std::uintptr_t>(address) % kBytes == 0;
  };
  if (!is_aligned(target) || !is_aligned(source)) {
    emulator::current_block().fail(
        "misaligned cp.async, " + std::to_string(kBytes) + " bytes are asked for", where);
  }
  emulator::current_block().begin_copy(target, valid ? source : nullptr, kBytes, where);
}

inline void cp_async_commit(emulator::Where where = std::source_location::current()) {
  emulator::current_block().commit_copies(where);
}

template <int kNewest>
void cp_async_wait(emulator::Where where = std::source_location::current()) {
  emulator::current_block().wait_for_copies(kNewest, where);
}

}  // namespace lamina::kernels::cuda
