// Random numbers that are a function: value i of a stream depends on the seed, the stream's name
// and i alone, so any thread can make any part, in any order, and each machine makes the same bits.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace lamina::models::detail {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

/// Philox4x32-10: a bijection of the counter, mixed by the key until it passes every known test.
/// Source:   Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011
PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key);

/// The quantile function of the standard normal distribution, for p in (0, 1).
/// Numerics: relative error below 3e-7. Only + - * / and sqrt on doubles, which IEEE 754 defines to
///           the last bit, and no function of libm, which it does not.
/// Source:   Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied
///           Statistics 37 (1988), routine PPND7
double normal_quantile(double p);

/// Values [0, out.size()) of the stream `name`, normally distributed around 0, rounded to float.
/// Numerics: the same bits for every number of threads and on every machine; |value| < 6.4 * std
void fill_normal(std::span<float> out, std::uint64_t seed, std::string_view name, double std,
                 int threads);

}  // namespace lamina::models::detail
