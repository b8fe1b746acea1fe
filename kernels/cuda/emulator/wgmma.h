// ptx/wgmma.cuh for the host compiler. Sums are float32, in the order of k, as in mma.h.
#pragma once

#include "kernels/cuda/emulator/mbarrier.h"

#include <array>
#include <type_traits>

namespace lamina::kernels::cuda {

inline constexpr bool kHasWgmma = true;

namespace emulator {

// What a thread brings to a product.
struct GroupFactors {
  std::uint64_t a, b;
  float* d;
  int columns;
  Factor factor;
  bool adds;
  Where where;
};

template <typename T>
constexpr Factor factor_of() {
  if constexpr (std::is_same_v<T, Tf32>) return Factor::tf32;
  if constexpr (std::is_same_v<T, E4m3>) return Factor::e4m3;
  return std::is_same_v<T, __half> ? Factor::f16 : Factor::bf16;
}

inline void multiply_group(AsyncUnit& unit, int group, void* const* threads) {
  const auto& first = *static_cast<const GroupFactors*>(threads[0]);
  GroupProduct product{.a = first.a,
                       .b = first.b,
                       .n = first.columns,
                       .factor = first.factor,
                       .accumulates = first.adds,
                       .d = {},
                       .group = 0,
                       .where = first.where};
  for (std::size_t i = 0; i < kWarpgroup; ++i) {
    const auto& each = *static_cast<const GroupFactors*>(threads[i]);
    if (each.a != first.a || each.b != first.b || each.adds != first.adds) {
      current_block().fail("the warpgroup's threads name different matrices", first.where);
    }
    product.d[i] = each.d;
  }
  unit.multiply(group, product);
}

}  // namespace emulator

template <typename T>
std::uint64_t matrix_at(SharedPtr<T> tile, int k) {
  const auto* const at = reinterpret_cast<const char*>(tile.raw());
  return matrix_descriptor(
      static_cast<std::uint64_t>(at - emulator::current_block().shared().base() + kWgmmaBytes * k));
}

template <int kSums>
void wgmma_fence(float (&)[kSums], emulator::Where where = std::source_location::current()) {
  if (emulator::is_faulty(emulator::SiteKind::fence, where)) return;
  emulator::current_block().group_operation(
      {nullptr, [](auto& unit, int group, auto) { unit.fence_group(group); }, "wgmma_fence"},
      where);
}

inline void wgmma_commit(emulator::Where where = std::source_location::current()) {
  if (emulator::is_faulty(emulator::SiteKind::commit, where)) return;
  emulator::current_block().group_operation(
      {nullptr, [](auto& unit, int group, auto) { unit.commit_products(group); }, "wgmma_commit"},
      where);
}

template <int kNewest, int kSums>
void wgmma_wait(float (&)[kSums], emulator::Where where = std::source_location::current()) {
  if (emulator::is_faulty(emulator::SiteKind::wait, where)) return;
  emulator::current_block().group_operation(
      {nullptr, [](auto& unit, int group, auto) { unit.wait_for_products(group, kNewest); },
       "wgmma_wait"},
      where);
}

template <typename T, int kSums>
void wgmma(float (&d)[kSums], std::uint64_t a, std::uint64_t b, bool adds,
           emulator::Where where = std::source_location::current()) {
  emulator::GroupFactors mine{a, b, d, kSums * 2, emulator::factor_of<T>(), adds, where};
  emulator::current_block().group_operation({&mine, emulator::multiply_group, "wgmma"}, where);
}

template <int kCount>
void take_registers(emulator::Where where = std::source_location::current()) {
  emulator::current_block().set_registers(kCount, where);
}
template <int kCount>
void give_registers(emulator::Where where = std::source_location::current()) {
  emulator::current_block().set_registers(kCount, where);
}

}  // namespace lamina::kernels::cuda
