// The copy engine (TMA, sm_90): boxes of tensors between device and shared memory, asked for by one
// thread.
//
// Boxes lie in shared memory with rows of 128 bytes, swizzled: part i (16 bytes) of row r lies at
// i ^ r % 8, so that a column of parts touches all banks, and the box begins at a multiple of 1,024
// bytes. What of a box lies outside the tensor reads as zeros, and is not written.
#pragma once

#include "kernels/cuda/ptx/mbarrier.cuh"

#include <cstdint>
#include <initializer_list>

namespace lamina::kernels::cuda {

/// A dimension of a tensor in device memory: how long, how far apart, and how much of it a box has.
struct TensorDimension {
  std::int64_t size;
  std::int64_t stride_bytes;  // of the first: the element's size, 1, 2 or 4
  int box;                    // of the first: 128 bytes; of the others up to 256
};

}  // namespace lamina::kernels::cuda

#ifdef LAMINA_CUDA_EMULATED
#include "kernels/cuda/emulator/bulk_copy.h"
#else

#include "kernels/cuda/check.h"
#include "kernels/cuda/text.h"

#include <cuda.h>

namespace lamina::kernels::cuda {

/// Made on the host, given to a kernel as `const __grid_constant__ TensorMap`.
struct TensorMap {
  CUtensorMap map;
};

/// Dimensions begin with the innermost. Requires: 2 or 4 of them; data and strides at multiples
/// of 16 bytes.
inline TensorMap make_tensor_map(const void* data, std::initializer_list<TensorDimension> list) {
  cuuint64_t size[4] = {}, stride[4] = {};
  cuuint32_t box[4] = {}, step[4] = {1, 1, 1, 1};
  cuuint32_t rank = 0;
  for (const TensorDimension& dimension : list) {
    size[rank] = static_cast<cuuint64_t>(dimension.size);
    stride[rank] = static_cast<cuuint64_t>(dimension.stride_bytes);
    box[rank++] = static_cast<cuuint32_t>(dimension.box);
  }
  // The driver's function is asked for, so that nothing links against the driver.
  static const auto encode = [] {
    void* function = nullptr;
    cudaDriverEntryPointQueryResult found{};
    LAMINA_CUDA_CHECK(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000,
                                                       cudaEnableDefault, &found));
    return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(function);
  }();
  if (encode == nullptr) throw DeviceError("[cuda] the driver has no cuTensorMapEncodeTiled");
  const std::int64_t bytes = list.begin()->stride_bytes;
  const CUtensorMapDataType type = bytes == 1   ? CU_TENSOR_MAP_DATA_TYPE_UINT8
                                   : bytes == 2 ? CU_TENSOR_MAP_DATA_TYPE_UINT16
                                                : CU_TENSOR_MAP_DATA_TYPE_UINT32;
  TensorMap result;
  const CUresult status =
      encode(&result.map, type, rank, const_cast<void*>(data), size, stride + 1, box, step,
             CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
             CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (status != CUDA_SUCCESS) {
    throw CudaError(text("[cuda] cuTensorMapEncodeTiled: ", static_cast<int>(status)));
  }
  return result;
}

/// Fetches the map itself, so that the first copy need not wait for it.
__device__ __forceinline__ void prefetch_map(const TensorMap& map) {
  asm volatile("prefetch.tensormap [%0];\n" ::"l"(&map) : "memory");
}

/// Asks for the box at (x, y), or (x, y, z, w), innermost first. It lands on a mbarrier, to which
/// its bytes were or will be announced.
template <typename T>
__device__ __forceinline__ void load_box(SharedPtr<T> to, const TensorMap& map,
                                         SharedPtr<Mbarrier> barrier, int x, int y) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
      "[%1, {%3, %4}], [%2];\n" ::"r"(shared_address(to)),
      "l"(&map), "r"(shared_address(barrier)), "r"(x), "r"(y)
      : "memory");
}
template <typename T>
__device__ __forceinline__ void load_box(SharedPtr<T> to, const TensorMap& map,
                                         SharedPtr<Mbarrier> barrier, int x, int y, int z, int w) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
      "[%1, {%3, %4, %5, %6}], [%2];\n" ::"r"(shared_address(to)),
      "l"(&map), "r"(shared_address(barrier)), "r"(x), "r"(y), "r"(z), "r"(w)
      : "memory");
}

/// Writes a box to the tensor; behind fence_proxy_async() of the threads that filled it, and a
/// barrier.
template <typename T>
__device__ __forceinline__ void store_box(const TensorMap& map, SharedPtr<T> from, int x, int y,
                                          int z, int w) {
  asm volatile(
      "cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4, %5}], "
      "[%1];\n" ::"l"(&map),
      "r"(shared_address(from)), "r"(x), "r"(y), "r"(z), "r"(w)
      : "memory");
}

/// Makes a group of this thread's stores.
__device__ __forceinline__ void store_box_commit() {
  asm volatile("cp.async.bulk.commit_group;\n" ::: "memory");
}

/// All of this thread's groups but the newest have read what they store.
template <int kNewest>
__device__ __forceinline__ void store_box_wait() {
  asm volatile("cp.async.bulk.wait_group.read %0;\n" ::"n"(kNewest) : "memory");
}

/// What this thread wrote to shared memory before is seen by the copy engine and the tensor cores.
__device__ __forceinline__ void fence_proxy_async() {
  asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory");
}

}  // namespace lamina::kernels::cuda

#endif
