// ptx/mbarrier.cuh for the host compiler.
#pragma once

#include "kernels/cuda/emulator/cuda_emulator.h"

namespace lamina::kernels::cuda {

using Mbarrier = std::uint64_t;

namespace emulator {

inline const char* address_of(SharedPtr<Mbarrier> barrier) {
  return reinterpret_cast<const char*>(barrier.raw());
}

// Its place counts as read, so that a barrier must lie between initialising and using it.
inline const char* used(SharedPtr<Mbarrier> barrier, Where where) {
  const Mbarrier checked = barrier.at(where);
  static_cast<void>(checked);
  return address_of(barrier);
}

}  // namespace emulator

inline void mbarrier_init(SharedPtr<Mbarrier> barrier, int arrivals,
                          emulator::Where where = std::source_location::current()) {
  barrier.at(where) = Mbarrier{0};
  emulator::current_block().async().init_mbarrier(emulator::address_of(barrier), arrivals, where);
}

inline void mbarrier_fence_init(emulator::Where where = std::source_location::current()) {
  if (emulator::is_faulty(emulator::SiteKind::fence, where)) return;
  emulator::current_block().async().fence_mbarriers();
}

inline void mbarrier_arrive_expect(SharedPtr<Mbarrier> barrier, int bytes,
                                   emulator::Where where = std::source_location::current()) {
  const char* const address = emulator::used(barrier, where);
  if (emulator::is_faulty(emulator::SiteKind::arrival, where)) return;
  emulator::current_block().async().arrive(address, bytes, where);
}

inline void mbarrier_arrive(SharedPtr<Mbarrier> barrier,
                            emulator::Where where = std::source_location::current()) {
  mbarrier_arrive_expect(barrier, 0, where);
}

inline void mbarrier_wait(SharedPtr<Mbarrier> barrier, unsigned parity,
                          emulator::Where where = std::source_location::current()) {
  const char* const address = emulator::used(barrier, where);
  if (emulator::is_faulty(emulator::SiteKind::wait, where)) return;
  emulator::current_block().async().wait(address, parity, where);
}

inline void named_barrier(int name, int threads,
                          emulator::Where where = std::source_location::current()) {
  emulator::current_block().named_barrier(name, threads, where);
}

}  // namespace lamina::kernels::cuda
