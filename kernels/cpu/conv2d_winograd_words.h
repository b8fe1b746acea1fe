// What Winograd in fixed point adds: scales. V is computed in float and rounded to kMostOfV steps
// by a scale of the tile. See docs/kernels/conv2d-winograd.md.
#pragma once

#include "kernels/cpu/conv2d_winograd.h"

#include <cstdint>

namespace lamina::kernels::cpu {

/// How much a transform may grow: |V| is at most size[of[row]] * size[of[column]] times the largest
/// input, the sums of |B^T|'s rows.
struct WinogradGrowth {
  int classes;
  float size[3];
  int of[8];

  constexpr float at(int row, int column) const { return size[of[row]] * size[of[column]]; }
};
constexpr WinogradGrowth winograd_growth(int m) {
  if (m == 4) return {2, {10, 6}, {0, 0, 0, 1, 1, 0}};
  return {3, {12.5f, 7.5f, 15}, {0, 0, 0, 1, 1, 2, 2, 0}};
}

/// V's largest magnitude as a whole number. V and U share the 31 bits of a sum: with 14.5 of them
/// for V, its roundings and U's add about the same to the result.
inline constexpr float kMostOfV = 23168;
/// After so many channels the sum goes to float. The fewer, the more of 32 bits has U, and the more
/// is added.
inline constexpr std::int64_t kChannelsOfSum = 128;
/// A tile with larger magnitudes, whose V may be infinite, gives NaN; one with less gives the bias.
inline constexpr float kLargestTile = 0x1p120f, kLeastTile = 0x1p-100f;

/// U in words of two channels, then its scales: one for each position and output channel, as fine
/// as sums that stay in 32 bits whatever the input allow, times what V's step is worth to a tile
/// whose largest magnitude is 1.
void winograd_pack_words(const WinogradConv& conv, const Conv2dPlan& plan, const float* weight,
                         float* packed, Exec exec);

}  // namespace lamina::kernels::cpu
