#include "kernels/cuda/emulator/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

// The System V calling convention lets a callee destroy all but these six registers and the stack.
// The floating-point control words are the same in all fibers.
asm(R"(
.text
.globl lamina_switch_fiber
.hidden lamina_switch_fiber
.type lamina_switch_fiber, @function
lamina_switch_fiber:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
.size lamina_switch_fiber, .-lamina_switch_fiber
)");

namespace lamina::kernels::cuda::emulator {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kStackBytes = 128 * 1024;  // touched pages alone cost memory

}  // namespace

FiberStack::FiberStack() {
  void* memory =
      mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<char*>(memory);
  mprotect(memory_, kPage, PROT_NONE);
}

FiberStack::~FiberStack() { munmap(memory_, kStackBytes); }

void* FiberStack::prepare(void (*entry)()) {
  auto* top = reinterpret_cast<std::uint64_t*>(memory_ + kStackBytes);
  // What switch_fiber() pops: six registers and the address that `ret` goes to, so placed that the
  // stack is aligned as after a call.
  for (int i = 0; i < 3; ++i) *--top = 0;
  *--top = reinterpret_cast<std::uint64_t>(entry);
  for (int i = 0; i < 6; ++i) *--top = 0;
  return top;
}

}  // namespace lamina::kernels::cuda::emulator
