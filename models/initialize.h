// The weights that torchvision gives a model before training.
#pragma once

#include <lamina/nn/module.h>

#include <cstdint>

namespace lamina::models::detail {

/// Conv2d: weight normal with std sqrt(2 / (c_out * kh * kw)), that is kaiming_normal_(fan_out,
/// relu); BatchNorm: weight 1; Linear: weight normal with std 0.01; every bias 0; other layers stay
/// as they are. Numerics: a tensor's values depend on the seed and on its dotted name below `root`
/// only, and are
///           the same on every machine (models/random.h); they are not PyTorch's for that seed.
void initialize(nn::Module& root, std::uint64_t seed);

}  // namespace lamina::models::detail
