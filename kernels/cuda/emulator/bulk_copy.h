// ptx/bulk_copy.cuh for the host compiler.
#pragma once

#include "kernels/cuda/emulator/mbarrier.h"
#include "kernels/cuda/emulator/tensor_map.h"

#include <lamina/core/error.h>

namespace lamina::kernels::cuda {

inline TensorMap make_tensor_map(const void* data, std::initializer_list<TensorDimension> list) {
  TensorMap map{.data = static_cast<char*>(const_cast<void*>(data)),
                .rank = static_cast<int>(list.size()),
                .element_bytes = static_cast<int>(list.begin()->stride_bytes)};
  const int bytes = map.element_bytes;
  bool legal = (map.rank == 2 || map.rank == 4) && (bytes == 1 || bytes == 2 || bytes == 4) &&
               reinterpret_cast<std::uintptr_t>(data) % 16 == 0;
  int i = 0;
  for (const TensorDimension& dimension : list) {
    map.size[i] = dimension.size;
    map.stride_bytes[i] = dimension.stride_bytes;
    map.box[i] = dimension.box;
    legal = legal && dimension.size > 0 && dimension.box > 0 && dimension.box <= 256 &&
            (i == 0 ? dimension.box * bytes == 128 : dimension.stride_bytes % 16 == 0);
    ++i;
  }
  if (!legal) throw CudaError("[cuda] make_tensor_map: no tensor that the copy engine takes");
  return map;
}

inline void prefetch_map(const TensorMap&) {}

template <typename T>
void load_box(SharedPtr<T> to, const TensorMap& map, SharedPtr<Mbarrier> barrier, int x, int y,
              emulator::Where where = std::source_location::current()) {
  auto& block = emulator::current_block();
  block.async().load_box({.map = map, .shared = reinterpret_cast<char*>(to.raw()), .at = {x, y}},
                         1u << block.rank(), emulator::used(barrier, where), where);
}
template <typename T>
void load_box(SharedPtr<T> to, const TensorMap& map, SharedPtr<Mbarrier> barrier, int x, int y,
              int z, int w, emulator::Where where = std::source_location::current()) {
  auto& block = emulator::current_block();
  block.async().load_box(
      {.map = map, .shared = reinterpret_cast<char*>(to.raw()), .at = {x, y, z, w}},
      1u << block.rank(), emulator::used(barrier, where), where);
}

template <typename T>
void store_box(const TensorMap& map, SharedPtr<T> from, int x, int y, int z, int w,
               emulator::Where where = std::source_location::current()) {
  emulator::current_block().async().store_box(
      {.map = map, .shared = reinterpret_cast<char*>(from.raw()), .at = {x, y, z, w}}, where);
}

inline void store_box_commit(emulator::Where where = std::source_location::current()) {
  emulator::current_block().async().commit_stores(where);
}

template <int kNewest>
void store_box_wait(emulator::Where where = std::source_location::current()) {
  emulator::current_block().async().wait_for_stores(kNewest, where);
}

inline void fence_proxy_async(emulator::Where where = std::source_location::current()) {
  emulator::current_block().async().fence_proxy(where);
}

}  // namespace lamina::kernels::cuda
