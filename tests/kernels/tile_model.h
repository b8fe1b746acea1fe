// The tile unit of Intel AMX in plain C++: what its instructions do by Intel's Software Developer's
// Manual (LDTILECFG, TILELOADD, TDPBF16PS and the exception classes AMX-E1 to E5), and a TileFault
// where a processor would raise an exception. kernels/cpu/conv2d_amx_kernel.h runs on it as on
// AmxTileUnit.
#pragma once

#include "kernels/cpu/conv2d_amx_kernel.h"

#include <array>
#include <cstdint>
#include <stdexcept>

namespace lamina::test {

struct TileFault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class TileModel {
 public:
  void configure(const kernels::cpu::TileConfig& config);
  void release();
  void zero(int tile);
  void load(int tile, const void* rows, std::int64_t stride_bytes);
  void store(int tile, void* rows, std::int64_t stride_bytes);
  void multiply_bf16(int sum, int a, int b);

  // As AmxTileUnit has them.
  template <int kTile>
  void zero() {
    zero(kTile);
  }
  template <int kTile>
  void load(const void* rows, std::int64_t stride_bytes) {
    load(kTile, rows, stride_bytes);
  }
  template <int kTile>
  void store(void* rows, std::int64_t stride_bytes) {
    store(kTile, rows, stride_bytes);
  }
  template <int kSum, int kA, int kB>
  void multiply_bf16() {
    multiply_bf16(kSum, kA, kB);
  }

 private:
  struct Tile {
    int rows = 0, row_bytes = 0;  // 0: may not be used
    std::array<std::array<std::uint8_t, kernels::cpu::kTileRowBytes>, kernels::cpu::kTileRows>
        data = {};
  };

  Tile& valid(int tile, const char* instruction);
  Tile& with_elements(int tile, const char* instruction);

  bool configured_ = false;
  std::array<Tile, kernels::cpu::kTiles> tiles_;
};

/// One step of TDPBF16PS: a * b + c, rounded once, with denormals counted as zero and flushed.
float tile_multiply_add(float a, float b, float c);
float tile_add(float a, float b);

/// Convolutions on the model; every_plan() and run_conv2d() use it for amx_bf16.
inline constexpr kernels::cpu::AmxKernel* kModelKernel = kernels::cpu::multiply_tiles<TileModel>;

}  // namespace lamina::test
