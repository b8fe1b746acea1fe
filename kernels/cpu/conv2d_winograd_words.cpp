#include "kernels/cpu/conv2d_winograd_words.h"

#include "core/checked_math.h"
#include "core/parallel.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace lamina::kernels::cpu {
namespace {

constexpr float kLargestU = std::numeric_limits<std::int16_t>::max();

// To the nearest whole number, ties to even, for magnitudes below 2^22. Adding what leaves no
// digits for a fraction is an addition that compilers make vectors of; std::nearbyint is a call.
float nearest(float value) {
  constexpr float kNoFraction = 0x1.8p23f;
  return (value + kNoFraction) - kNoFraction;
}

// The scales of one position of a panel: u [c_in][block_n] in floats.
void find_scales(const float* u, std::int64_t c_in, int block_n, float* scale) {
  const auto size = static_cast<std::size_t>(block_n);
  std::vector<float> sum(size), most(size), largest(size);
  for (std::int64_t c = 0; c < c_in; ++c, u += block_n) {
    if (c % kChannelsOfSum == 0) std::fill(sum.begin(), sum.end(), 0.0f);
    for (std::size_t i = 0; i < size; ++i) {
      const float magnitude = std::fabs(u[i]);
      sum[i] += magnitude;
      most[i] = std::max(most[i], sum[i]);
      largest[i] = std::max(largest[i], magnitude);
    }
  }
  // Sum over c of |V| (|U| / scale + 1/2) stays below 2^31. The sums above are off by as many
  // roundings as they have terms.
  const auto terms = static_cast<double>(std::min(c_in, kChannelsOfSum));
  const double room = 0x1p31 / kMostOfV - 0.5 * terms - 1;
  const double slack = 1 + terms * 0x1p-23;
  for (std::size_t i = 0; i < size; ++i) {
    const double of_sum = static_cast<double>(most[i]) * slack / room;
    scale[i] = std::max(static_cast<float>(of_sum), largest[i] / kLargestU);
  }
}

// u [c_in][block_n] to words [words][block_n].
void pack_words(const float* u, const WinogradConv& conv, int lanes, const float* inverse,
                std::uint32_t* words) {
  const std::int64_t c_in = conv.problem.c_in;
  const auto half = [&](std::int64_t c, int k) {
    const float value = c < c_in ? nearest(u[c * conv.block_n + k] * inverse[k]) : 0;
    return static_cast<std::uint32_t>(static_cast<std::int32_t>(value)) & 0xffffu;
  };
  for (std::int64_t word = 0; word < conv.words; ++word) {
    const std::int64_t c = word / lanes * 2 * lanes + word % lanes;
    for (int k = 0; k < conv.block_n; ++k) {
      words[word * conv.block_n + k] = half(c, k) | half(c + lanes, k) << 16;
    }
  }
}

}  // namespace

void winograd_pack_words(const WinogradConv& conv, const Conv2dPlan& plan, const float* weight,
                         float* packed, Exec exec) {
  const std::int64_t panels = ceil_div(conv.problem.c_out, conv.block_n);
  const std::int64_t positions = conv.positions();
  const std::int64_t floats = conv.problem.c_in * conv.block_n, words = conv.words * conv.block_n;
  const int lanes = winograd_tile(plan.isa).lanes, side = conv.m + 2;
  const WinogradGrowth growth = winograd_growth(conv.m);
  float* const scales = packed + panels * positions * words;
  parallel_for(exec.threads, panels, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> u(static_cast<std::size_t>(positions * floats));
    std::vector<float> inverse(static_cast<std::size_t>(conv.block_n));
    for (std::int64_t panel = begin; panel < end; ++panel) {
      winograd_pack_kernel(plan.isa, conv.m)(conv.problem, weight, panel, u.data());
      for (std::int64_t position = 0; position < positions; ++position) {
        const std::int64_t index = panel * positions + position;
        float* const scale = scales + index * conv.block_n;
        find_scales(u.data() + position * floats, conv.problem.c_in, conv.block_n, scale);
        for (int k = 0; k < conv.block_n; ++k) {
          inverse[static_cast<std::size_t>(k)] = scale[k] > 0 ? 1 / scale[k] : 0;
        }
        pack_words(u.data() + position * floats, conv, lanes, inverse.data(),
                   reinterpret_cast<std::uint32_t*>(packed + index * words));
        const float step =
            growth.at(static_cast<int>(position) / side, static_cast<int>(position) % side) /
            kMostOfV;
        for (int k = 0; k < conv.block_n; ++k) scale[k] *= step;
      }
    }
  });
}

}  // namespace lamina::kernels::cpu
