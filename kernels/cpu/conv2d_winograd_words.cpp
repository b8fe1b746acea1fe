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

constexpr int kSide = 6;
constexpr float kLargestU = std::numeric_limits<std::int16_t>::max();

// To the nearest whole number, ties to even, for magnitudes below 2^22. Adding what leaves no
// digits for a fraction is an addition that compilers make vectors of; std::nearbyint is a call.
float nearest(float value) {
  constexpr float kNoFraction = 0x1.8p23f;
  return (value + kNoFraction) - kNoFraction;
}

// What the scales of one position depend on.
struct Bounds {
  float v;                // no |V| is larger
  std::int64_t channels;  // that are added in 32 bits
  float step;             // what V's 1 is worth, by the scale that its tile has
};

Bounds bounds_of(Conv2dAlgo algo, int growth, std::int64_t c_in) {
  if (algo == Conv2dAlgo::winograd_f4_s16)
    return {static_cast<float>(growth * kInputSteps), c_in, 1};
  return {kMostOfV, std::min(c_in, kChannelsOfSum), static_cast<float>(growth) / kMostOfV};
}

// The scales of one position of a panel: u [c_in][block_n] in floats.
void find_scales(const float* u, std::int64_t c_in, int block_n, const Bounds& bounds,
                 float* scale) {
  const auto size = static_cast<std::size_t>(block_n);
  std::vector<float> sum(size), most(size), largest(size);
  for (std::int64_t c = 0; c < c_in; ++c, u += block_n) {
    if (c % bounds.channels == 0) std::fill(sum.begin(), sum.end(), 0.0f);
    for (std::size_t i = 0; i < size; ++i) {
      const float magnitude = std::fabs(u[i]);
      sum[i] += magnitude;
      most[i] = std::max(most[i], sum[i]);
      largest[i] = std::max(largest[i], magnitude);
    }
  }
  // Sum over c of |V| (|U| / scale + 1/2) stays below 2^31. The sums above are off by as many
  // roundings as they have terms.
  const auto terms = static_cast<double>(bounds.channels);
  const double room = 0x1p31 / bounds.v - 0.5 * terms - 1;
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
  const int lanes = winograd_tile(plan.isa).lanes;
  float* const scales = packed + panels * positions * words;
  parallel_for(exec.threads, panels, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> u(static_cast<std::size_t>(positions * floats));
    std::vector<float> inverse(static_cast<std::size_t>(conv.block_n));
    for (std::int64_t panel = begin; panel < end; ++panel) {
      winograd_pack_kernel(plan.isa, conv.m)(conv.problem, weight, panel, u.data());
      for (std::int64_t position = 0; position < positions; ++position) {
        const std::int64_t index = panel * positions + position;
        float* const scale = scales + index * conv.block_n;
        const int growth = kWinogradGrowth[position / kSide] * kWinogradGrowth[position % kSide];
        const Bounds bounds = bounds_of(plan.algo, growth, conv.problem.c_in);
        find_scales(u.data() + position * floats, conv.problem.c_in, conv.block_n, bounds, scale);
        for (int k = 0; k < conv.block_n; ++k) {
          inverse[static_cast<std::size_t>(k)] = scale[k] > 0 ? 1 / scale[k] : 0;
        }
        pack_words(u.data() + position * floats, conv, lanes, inverse.data(),
                   reinterpret_cast<std::uint32_t*>(packed + index * words));
        for (int k = 0; k < conv.block_n; ++k) scale[k] *= bounds.step;
      }
    }
  });
}

void winograd_s16_image_scales(const Conv2dProblem& problem, Isa isa, const float* input,
                               float range, std::int32_t* largest, float* image_scale, Exec exec) {
  const std::int64_t image = problem.h * problem.w * problem.c_in;
  const std::int64_t chunk = ceil_div(image, kImageChunks);
  LargestBitsKernel* const kernel = largest_bits_kernel(isa);
  parallel_for(exec.threads, problem.n * kImageChunks, 1,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   const std::int64_t first = std::min(i % kImageChunks * chunk, image);
                   const float* const from = input + i / kImageChunks * image + first;
                   largest[i] = kernel(from, std::min(chunk, image - first));
                 }
               });
  constexpr auto kInfinity = std::bit_cast<std::int32_t>(std::numeric_limits<float>::infinity());
  for (std::int64_t b = 0; b < problem.n; ++b) {
    const std::int32_t* chunks = largest + b * kImageChunks;
    const std::int32_t most = *std::max_element(chunks, chunks + kImageChunks);
    image_scale[b] = most < kInfinity ? std::max(range, std::bit_cast<float>(most)) / kInputSteps
                                      : std::numeric_limits<float>::quiet_NaN();
  }
}

}  // namespace lamina::kernels::cpu
