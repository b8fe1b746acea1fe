// ptx/mma.cuh for the host compiler. Products of 16-bit numbers are exact in float32, and so are
// those of tf32; the sums are float32, in the order of k. (Hardware keeps a few bits more or less
// of a sum, and says so nowhere: tests must not depend on it.)
#pragma once

#include "kernels/cuda/emulator/cuda_emulator.h"

#include <bit>
#include <cstring>
#include <type_traits>

namespace lamina::kernels::cuda {
namespace emulator {

inline constexpr unsigned kWholeWarp = 0xffffffffu;

struct MatrixLoad {
  const char* row;
  unsigned* r;
};

struct Product {
  float* d;
  const unsigned* a;
  const unsigned* b;
};

inline float half_at(unsigned pair, int i, __half) {
  return __half2float({static_cast<std::uint16_t>(pair >> (16 * i))});
}
inline float half_at(unsigned pair, int i, __nv_bfloat16) {
  return __bfloat162float({static_cast<std::uint16_t>(pair >> (16 * i))});
}
// Hardware does not look at the low 13 bits.
inline float tf32(unsigned bits) { return std::bit_cast<float>(bits & ~0x1fffu); }

// d += a * b, a [16][kDepth], b [kDepth][8], each lane holding its part of d.
template <int kDepth>
void multiply(void* const* lanes, const float (&a)[16][kDepth], const float (&b)[kDepth][8]) {
  alignas(32) float sums[16][8];
  for (int lane = 0; lane < kWarp; ++lane) {
    const float* const d = static_cast<const Product*>(lanes[lane])->d;
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) sums[g + i / 2 * 8][2 * t + i % 2] = d[i];
  }
  for (int row = 0; row < 16; ++row) {
    for (int k = 0; k < kDepth; ++k) {
      for (int column = 0; column < 8; ++column) sums[row][column] += a[row][k] * b[k][column];
    }
  }
  for (int lane = 0; lane < kWarp; ++lane) {
    float* const d = static_cast<const Product*>(lanes[lane])->d;
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) d[i] = sums[g + i / 2 * 8][2 * t + i % 2];
  }
}

template <typename T>
void multiply_halves(void* const* lanes) {
  float a[16][16], b[16][8];
  for (int lane = 0; lane < kWarp; ++lane) {
    const auto& part = *static_cast<const Product*>(lanes[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 2; ++i) {
      for (int quarter = 0; quarter < 4; ++quarter) {
        a[g + quarter % 2 * 8][2 * t + quarter / 2 * 8 + i] = half_at(part.a[quarter], i, T{});
      }
      for (int half = 0; half < 2; ++half) {
        b[2 * t + half * 8 + i][g] = half_at(part.b[half], i, T{});
      }
    }
  }
  multiply<16>(lanes, a, b);
}

inline void multiply_tf32(void* const* lanes) {
  float a[16][8], b[8][8];
  for (int lane = 0; lane < kWarp; ++lane) {
    const auto& part = *static_cast<const Product*>(lanes[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int quarter = 0; quarter < 4; ++quarter) {
      a[g + quarter % 2 * 8][t + quarter / 2 * 4] = tf32(part.a[quarter]);
    }
    for (int half = 0; half < 2; ++half) b[t + half * 4][g] = tf32(part.b[half]);
  }
  multiply<8>(lanes, a, b);
}

inline void load_matrices(void* const* lanes) {
  for (int lane = 0; lane < kWarp; ++lane) {
    for (int j = 0; j < 4; ++j) {
      const auto* const from = static_cast<const MatrixLoad*>(lanes[8 * j + lane / 4]);
      std::memcpy(&static_cast<const MatrixLoad*>(lanes[lane])->r[j], from->row + lane % 4 * 4, 4);
    }
  }
}

}  // namespace emulator

template <typename T>
void ldmatrix_x4(unsigned (&r)[4], SharedPtr<T> row,
                 emulator::Where where = std::source_location::current()) {
  // The 16 bytes that the lane names are read on its account; hardware hands them round.
  const uint4 checked = pointer_cast<const uint4>(row).at(where);
  static_cast<void>(checked);
  emulator::MatrixLoad mine{reinterpret_cast<const char*>(row.raw()), r};
  emulator::current_block().warp_operation(
      {emulator::kWholeWarp, &mine, emulator::load_matrices, "ldmatrix", true}, where);
}

template <typename T>
void mma_m16n8k16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                  emulator::Where where = std::source_location::current()) {
  emulator::Product mine{d, a, b};
  emulator::current_block().warp_operation(
      {emulator::kWholeWarp, &mine, emulator::multiply_halves<T>, "mma", true}, where);
}

inline void mma_m16n8k8_tf32(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                             emulator::Where where = std::source_location::current()) {
  emulator::Product mine{d, a, b};
  emulator::current_block().warp_operation(
      {emulator::kWholeWarp, &mine, emulator::multiply_tf32, "mma", true}, where);
}

}  // namespace lamina::kernels::cuda
