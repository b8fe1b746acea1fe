// Fibers: one stack for each CUDA thread, switched by hand.
#pragma once

#include <cstddef>

namespace lamina::kernels::cuda::emulator {

/// The stack of one fiber, with a page below it that nothing may touch: a kernel whose arrays are
/// too large for it dies at once instead of writing over its neighbour.
class FiberStack {
 public:
  FiberStack();
  ~FiberStack();
  FiberStack(const FiberStack&) = delete;
  FiberStack& operator=(const FiberStack&) = delete;

  /// Makes the stack ready to run entry(), which must never return. Gives the stack pointer with
  /// which switch_fiber() starts it.
  void* prepare(void (*entry)());

 private:
  char* memory_;
};

/// Puts this fiber's stack pointer into *from and goes on where `to` was left.
extern "C" void lamina_switch_fiber(void** from, void* to);

}  // namespace lamina::kernels::cuda::emulator
