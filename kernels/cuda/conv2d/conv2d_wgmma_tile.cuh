// Where the tiles of a convolution on Hopper lie: in shared memory, in the product, in the image.
#pragma once

#include "kernels/cuda/conv2d/conv2d_wgmma.h"
#include "kernels/cuda/language.cuh"
#include "kernels/cuda/ptx/bulk_copy.cuh"
#include "kernels/cuda/ptx/wgmma.cuh"

namespace lamina::kernels::cuda {

inline constexpr int kWarpgroupThreads = 128, kConsumers = 2;
inline constexpr int kWgmmaThreads = (1 + kConsumers) * kWarpgroupThreads;
inline constexpr int kHalfPixels = kWgmmaPixels / kConsumers;
/// Elements of a tile's row in shared memory.
template <typename T>
inline constexpr int kWgmmaDepth = kWgmmaRowBytes / static_cast<int>(sizeof(T));

/// Where things lie in a block's shared memory.
template <typename T, int kN>
struct WgmmaMemory {
  static constexpr int kStages = wgmma_stages(kN);
  static constexpr int kPixelBytes = kWgmmaPixels * kWgmmaRowBytes;
  static constexpr int kWeightBytes = kN * kWgmmaRowBytes;
  static constexpr int kStageBytes = kPixelBytes + kWeightBytes;
  // Two buffers for each consumer, of 64 pixels by 128 bytes of channels.
  static constexpr int kSlabBytes = kHalfPixels * kWgmmaRowBytes;
  static constexpr int kSlabs = kStages * kStageBytes;
  static constexpr int kBarriers = kSlabs + 2 * kConsumers * kSlabBytes;
  static constexpr int kBytes = kBarriers + 2 * kStages * static_cast<int>(sizeof(Mbarrier));

  __device__ static SharedPtr<T> pixels(int stage) {
    return dynamic_shared<T>(stage * kStageBytes);
  }
  __device__ static SharedPtr<T> weights(int stage) {
    return dynamic_shared<T>(stage * kStageBytes + kPixelBytes);
  }
  template <typename Out>
  __device__ static SharedPtr<Out> slab(int consumer, int i) {
    return dynamic_shared<Out>(kSlabs + (2 * consumer + i) * kSlabBytes);
  }
  __device__ static SharedPtr<Mbarrier> full(int stage) {
    return dynamic_shared<Mbarrier>(kBarriers + 16 * stage);
  }
  __device__ static SharedPtr<Mbarrier> empty(int stage) {
    return dynamic_shared<Mbarrier>(kBarriers + 16 * stage + 8);
  }
};

/// A stage of the ring, and the parity of the phase that it is in.
template <int kStages>
struct RingPlace {
  int stage = 0;
  unsigned parity;

  __device__ explicit RingPlace(unsigned first_parity) : parity(first_parity) {}
  __device__ void advance() {
    if (++stage < kStages) return;
    stage = 0;
    parity ^= 1;
  }
};

/// A block's or a cluster's tiles are first_tile(), and from each the next, below s.tiles.
__device__ __forceinline__ int first_tile(const WgmmaShape& s) {
  return static_cast<int>(s.paired ? blockIdx.x / kWgmmaCluster : blockIdx.x);
}
__device__ __forceinline__ int next_tile(const WgmmaShape& s, int tile) {
  return tile + static_cast<int>(s.paired ? gridDim.x / kWgmmaCluster : gridDim.x);
}

/// Which part of the product a tile is. Channels come first, so that blocks at work at one time
/// read the same pixels. Blocks of a cluster have neighbouring boxes of pixels; the last one may
/// lie behind the last image, where copies bring zeros and store nothing.
struct WgmmaTile {
  int x, y, image, channel;  // the first of each
  int chunk, first_step, last_step;

  __device__ WgmmaTile(const WgmmaShape& s, int tile, int rank, int channels) {
    channel = tile % s.tiles_c * channels;
    tile = s.paired ? tile / s.tiles_c * kWgmmaCluster + rank : tile / s.tiles_c;
    x = tile % s.tiles_x * s.box.w;
    tile /= s.tiles_x;
    y = tile % s.tiles_y * s.box.h;
    tile /= s.tiles_y;
    chunk = s.split ? tile / s.tiles_n : 0;
    image = (tile - chunk * s.tiles_n) * s.box.n;
    first_step = s.split ? chunk * s.chunk_steps : 0;
    last_step = s.split ? min(first_step + s.chunk_steps, s.steps) : s.steps;
  }
};

/// The half of a tile that one consumer has: half of its last dimension that has more than one.
struct WgmmaHalf {
  PixelBox box;
  int x, y, image;

  __device__ WgmmaHalf(const WgmmaShape& s, const WgmmaTile& tile, int consumer)
      : box(s.box), x(tile.x), y(tile.y), image(tile.image) {
    if (box.n > 1) {
      image += consumer * (box.n /= 2);
    } else if (box.h > 1) {
      y += consumer * (box.h /= 2);
    } else {
      x += consumer * (box.w /= 2);
    }
  }
};

}  // namespace lamina::kernels::cuda
