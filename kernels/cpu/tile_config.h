// How the tiles of Intel AMX are configured (palette 1), in the bytes that LDTILECFG reads.
#pragma once

#include <cstdint>

namespace lamina::kernels::cpu {

inline constexpr int kTiles = 8;
inline constexpr int kTileRows = 16;      // at most
inline constexpr int kTileRowBytes = 64;  // at most

/// A tile with no rows and no bytes may not be used.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;        // where an interrupted load goes on
  std::uint8_t reserved[14] = {};    // these and what lies behind the eighth tile: zero
  std::uint16_t row_bytes[16] = {};  // "colsb"
  std::uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

/// All eight as large as they can be.
constexpr TileConfig whole_tiles() {
  TileConfig config;
  for (int tile = 0; tile < kTiles; ++tile) {
    config.row_bytes[tile] = kTileRowBytes;
    config.rows[tile] = kTileRows;
  }
  return config;
}

}  // namespace lamina::kernels::cpu
