#include "models/random.h"

#include "core/checked_math.h"
#include "core/parallel.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace lamina::models::detail {
namespace {

constexpr int kRounds = 10;
constexpr std::uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;

// Counters are mixed side by side in arrays, so that the compiler can use vectors.
constexpr std::int64_t kLanes = 64;
constexpr std::int64_t kChunk = 4 * kLanes;
constexpr std::int64_t kGrain = 256 * kChunk;

// Half the width of the middle region, where one rational function of (p - 1/2)^2 serves.
constexpr double kMiddle = 0.425;

// ln x for normal x > 0: x = m * 2^e with m in [1/sqrt 2, sqrt 2), ln m = 2 artanh((m-1)/(m+1)).
// The series is cut where its terms fall below 1e-12 of the first.
double natural_log(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  constexpr std::uint64_t kSqrtHalfBits = 0x3FE6A09E667F3BCD;
  const std::uint64_t shifted = bits - kSqrtHalfBits;
  const auto exponent = static_cast<std::int64_t>(shifted) >> 52;
  const double m = std::bit_cast<double>(bits - (static_cast<std::uint64_t>(exponent) << 52));
  const double s = (m - 1) / (m + 1);
  const double t = s * s;
  const double series =
      1 + t * (1.0 / 3 +
               t * (1.0 / 5 +
                    t * (1.0 / 7 + t * (1.0 / 9 + t * (1.0 / 11 + t * (1.0 / 13 + t / 15))))));
  constexpr double kLn2 = 0.693147180559945309;
  return 2 * s * series + static_cast<double>(exponent) * kLn2;
}

// q = p - 1/2 with |q| <= kMiddle.
double middle_quantile(double q) {
  const double r = 0.180625 - q * q;
  return q *
         (((5.9109374720e+01 * r + 1.5929113202e+02) * r + 5.0434271938e+01) * r +
          3.3871327179e+00) /
         (((6.7187563600e+01 * r + 7.8757757664e+01) * r + 1.7895169469e+01) * r + 1.0);
}

// The quantile of a tail's probability, as a positive number.
double tail_quantile(double tail) {
  double r = std::sqrt(-natural_log(tail));
  if (r <= 5) {
    r -= 1.6;
    return (((1.7023821103e-01 * r + 1.3067284816e+00) * r + 2.7568153900e+00) * r +
            1.4234372777e+00) /
           ((1.2021132975e-01 * r + 7.3700164250e-01) * r + 1.0);
  }
  r -= 5;
  return (((1.7337203997e-02 * r + 4.2868294337e-01) * r + 3.0812263860e+00) * r +
          6.6579051150e+00) /
         ((1.2258202635e-02 * r + 2.4197894225e-01) * r + 1.0);
}

// FNV-1a: which of 2^64 streams a name means.
std::uint64_t stream_id(std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

// The middle of the word's interval of [0, 1): never 0 or 1.
double to_probability(std::uint32_t word) { return (word + 0.5) * 0x1p-32; }

// Words [4 * first_block, 4 * first_block + kChunk) of a stream: kLanes counters side by side.
void philox_words(std::uint64_t first_block, std::uint64_t stream, std::uint64_t seed,
                  std::uint32_t* words) {
  std::uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes];
  for (std::uint64_t i = 0; i < kLanes; ++i) {
    c0[i] = static_cast<std::uint32_t>(first_block + i);
    c1[i] = static_cast<std::uint32_t>((first_block + i) >> 32);
    c2[i] = static_cast<std::uint32_t>(stream);
    c3[i] = static_cast<std::uint32_t>(stream >> 32);
  }
  auto key0 = static_cast<std::uint32_t>(seed), key1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kLanes; ++i) {
      const std::uint64_t product0 = std::uint64_t{c0[i]} * kMultiplier0;
      const std::uint64_t product1 = std::uint64_t{c2[i]} * kMultiplier1;
      c0[i] = static_cast<std::uint32_t>(product1 >> 32) ^ c1[i] ^ key0;
      c1[i] = static_cast<std::uint32_t>(product1);
      c2[i] = static_cast<std::uint32_t>(product0 >> 32) ^ c3[i] ^ key1;
      c3[i] = static_cast<std::uint32_t>(product0);
    }
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  for (int i = 0; i < kLanes; ++i) {
    words[4 * i] = c0[i];
    words[4 * i + 1] = c1[i];
    words[4 * i + 2] = c2[i];
    words[4 * i + 3] = c3[i];
  }
}

}  // namespace

PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key) {
  std::uint32_t words[kChunk];
  const std::uint64_t block = counter[0] | std::uint64_t{counter[1]} << 32;
  const std::uint64_t stream = counter[2] | std::uint64_t{counter[3]} << 32;
  philox_words(block, stream, key[0] | std::uint64_t{key[1]} << 32, words);
  return {words[0], words[1], words[2], words[3]};
}

double normal_quantile(double p) {
  const double q = p - 0.5;
  if (std::abs(q) <= kMiddle) return middle_quantile(q);
  return q < 0 ? -tail_quantile(p) : tail_quantile(1 - p);
}

void fill_normal(std::span<float> out, std::uint64_t seed, std::string_view name, double std,
                 int threads) {
  const std::uint64_t stream = stream_id(name);
  const auto count = static_cast<std::int64_t>(out.size());
  parallel_for(threads, count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    std::uint32_t words[kChunk];
    for (std::int64_t i = begin; i < end; i += kChunk) {
      philox_words(static_cast<std::uint64_t>(i / 4), stream, seed, words);
      // Doing the middle for all values and the tails in a second pass gained 10 % only.
      for (std::int64_t j = 0; j < std::min(kChunk, end - i); ++j) {
        const double p = to_probability(words[j]);
        out[static_cast<std::size_t>(i + j)] = static_cast<float>(std * normal_quantile(p));
      }
    }
  });
}

}  // namespace lamina::models::detail
