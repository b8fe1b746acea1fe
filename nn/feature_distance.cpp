#include "nn/feature_distance.h"

#include "core/require.h"
#include "kernels/lpips_distance.h"

#include <array>
#include <span>

namespace lamina::nn::detail {
namespace {

// Four sums, so that an addition need not wait for the one before.
double mean(std::span<const float> values) {
  std::array<double, 4> sums{};
  for (std::size_t i = 0; i < values.size(); ++i) sums[i % 4] += static_cast<double>(values[i]);
  return (sums[0] + sums[1] + (sums[2] + sums[3])) / static_cast<double>(values.size());
}

}  // namespace

double FeatureDistance::operator()(const Tensor& a, const Tensor& b, const Tensor& weight,
                                   int threads) {
  LAMINA_REQUIRE(a.rank() == 3 && a.shape() == b.shape() && weight.numel() == a.size(0),
                 "[lpips] maps {} and {} do not go with {} weights", a.shape(), b.shape(),
                 weight.numel());
  const std::int64_t spatial = a.size(1) * a.size(2);
  map_.resize(static_cast<std::size_t>(spatial));
  kernels::lpips_distance_forward({.c = a.size(0), .spatial = spatial},
                                  {.a = a.data<float>(),
                                   .b = b.data<float>(),
                                   .weight = weight.data<float>(),
                                   .output = map_.data()},
                                  {.threads = threads});
  return mean(map_);
}

}  // namespace lamina::nn::detail
