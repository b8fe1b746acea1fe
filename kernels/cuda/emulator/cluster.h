// ptx/cluster.cuh for the host compiler.
#pragma once

#include "kernels/cuda/emulator/bulk_copy.h"

namespace lamina::kernels::cuda {

inline int cluster_rank() { return emulator::current_block().rank(); }

inline void cluster_sync(emulator::Where where = std::source_location::current()) {
  emulator::current_block().sync_cluster(where);
}

inline void mbarrier_arrive_at(SharedPtr<Mbarrier> barrier, int rank,
                               emulator::Where where = std::source_location::current()) {
  if (emulator::is_faulty(emulator::SiteKind::arrival, where)) return;
  emulator::current_block().async().arrive_at(rank, emulator::address_of(barrier), where);
}

template <typename T>
void load_box_to(unsigned blocks, SharedPtr<T> to, const TensorMap& map,
                 SharedPtr<Mbarrier> barrier, int x, int y,
                 emulator::Where where = std::source_location::current()) {
  emulator::current_block().async().load_box(
      {.map = map, .shared = reinterpret_cast<char*>(to.raw()), .at = {x, y}}, blocks,
      emulator::used(barrier, where), where);
}

}  // namespace lamina::kernels::cuda
