// The tile unit of Intel AMX: one function for each of its instructions. They run only where
// CpuFeatures says that the processor has them.
//
// Written out and not by the compiler's intrinsics. Those of GCC 12 are assembly too, but take a
// tile's number as text, which a template has not got; a load does not say that it reads memory;
// and a configuration is 8 bytes to them, so that the stores of its other 56 may be left out.
#pragma once

#include "kernels/cpu/tile_config.h"

#include <cstdint>

namespace lamina::kernels::cpu {

#if defined(__x86_64__)

/// Tiles are a thread's registers, and this has no state of its own.
class AmxTileUnit {
 public:
  /// LDTILECFG; all tiles become zero.
  void configure(const TileConfig& config) { asm volatile("ldtilecfg %0" : : "m"(config)); }

  /// TILERELEASE: tiles need no longer be saved when threads are switched.
  void release() { asm volatile("tilerelease"); }

  template <int kTile>
  void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
  }

  /// TILELOADD: rows `stride_bytes` apart.
  template <int kTile>
  void load(const void* rows, std::int64_t stride_bytes) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2"
                 :
                 : "r"(rows), "r"(stride_bytes), "i"(kTile)
                 : "memory");
  }

  /// TILESTORED.
  template <int kTile>
  void store(void* rows, std::int64_t stride_bytes) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)"
                 :
                 : "r"(rows), "r"(stride_bytes), "i"(kTile)
                 : "memory");
  }

  /// TDPBF16PS: sum [m][n] += a [m][k] b [k][n], a row of b being pairs of two k for each n.
  template <int kSum, int kA, int kB>
  void multiply_bf16() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kA), "i"(kB));
  }
};

inline constexpr bool kHasAmxTileUnit = true;

#else

/// Other processors have none, and no code is made for it.
class AmxTileUnit;

inline constexpr bool kHasAmxTileUnit = false;

#endif

}  // namespace lamina::kernels::cpu
